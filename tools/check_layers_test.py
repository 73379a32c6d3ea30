#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Each rule of tools/check_layers fires on a small tree that breaks it, and only there."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

TOOL = pathlib.Path(__file__).resolve().parent / "check_layers"
PLAN = """
writ_room(base)
writ_room(crypto   DEPS base LIBS openssl sodium)
writ_room(wire     DEPS base LIBS fmt boost_json)
writ_room(jose     DEPS wire crypto)
writ_room(action   DEPS jose)
writ_room(policy   DEPS action)
writ_room(approval DEPS action)
writ_room(vault    DEPS action)
writ_room(async    DEPS base LIBS asio)
writ_room(broker   DEPS policy approval vault async)  # DEPS net
writ_room(store    DEPS broker LIBS sqlite)
writ_room(net      DEPS wire crypto async LIBS llhttp openssl)
writ_room(oauth    DEPS broker net)
writ_room(gateway  DEPS broker net)
writ_room(api      DEPS broker net)
writ_room(app      DEPS store oauth gateway api LIBS spdlog prometheus)
"""


class CheckLayers(unittest.TestCase):
    def check(self, files, plan=PLAN):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for name, text in {"cmake/rooms.cmake": plan, **files}.items():
                path = root / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            run = subprocess.run([sys.executable, TOOL, root], capture_output=True, text=True, check=False)
            self.assertEqual(run.stderr, "")
            self.assertEqual(run.returncode, 1 if run.stdout else 0)
            return run.stdout

    def refused(self, path, include, why, others=()):
        files = {f"src/{path}": f"// first line\n#include {include}\n"}
        files.update({f"src/{other}": "" for other in others})
        output = self.check(files)
        self.assertIn(why, output)
        self.assertIn(f"src/{path}:2:", output)

    def allowed(self, path, include, others=()):
        files = {f"src/{path}": f"#include {include}\n"}
        files.update({f"src/{other}": "" for other in others})
        self.assertEqual(self.check(files), "")

    def test_a_room_includes_what_it_stands_on(self):
        self.allowed("jose/jwt.cc", '"wire/json.h"', ["wire/json.h"])
        self.allowed("jose/jwt.cc", '"jose/jwt.h"', ["jose/jwt.h"])

    def test_what_stands_below_a_named_room_is_allowed_too(self):
        self.allowed("policy/decide.cc", '"wire/json.h"', ["wire/json.h"])

    def test_a_room_above_is_refused(self):
        self.refused("wire/json.cc", '"jose/jwt.h"', "wire does not stand on jose", ["jose/jwt.h"])

    def test_a_neighbour_is_refused(self):
        self.refused("crypto/hash.cc", '"wire/json.h"', "crypto does not stand on wire", ["wire/json.h"])

    def test_tests_keep_to_the_plan_as_well(self):
        self.refused("wire/json_test.cc", '"jose/jwt.h"', "wire does not stand on jose", ["jose/jwt.h"])

    def test_an_unknown_room_is_refused(self):
        self.refused("wire/json.cc", '"json.h"', "names no room")

    def test_a_missing_header_is_refused(self):
        self.refused("wire/json.cc", '"base/absent.h"', "does not exist")

    def test_a_folder_without_a_line_is_refused(self):
        self.assertIn("room extra has no line", self.check({"src/extra/a.cc": ""}))

    def test_a_file_outside_the_rooms_is_refused(self):
        self.assertIn("only main.cc", self.check({"src/extra.cc": ""}))

    def test_main_only_chooses(self):
        self.allowed("main.cc", '"app/serve.h"')
        self.refused("main.cc", '"store/sqlite.h"', "main.cc only chooses")

    def test_oauth_gateway_and_api_stand_apart(self):
        for one, other in [("oauth", "gateway"), ("gateway", "api"), ("api", "oauth")]:
            self.refused(f"{one}/a.cc", f'"{other}/b.h"', "stand apart", [f"{other}/b.h"])

    def test_policy_approval_and_vault_stand_apart_even_where_the_plan_has_a_line(self):
        plan = PLAN.replace("writ_room(vault    DEPS action)", "writ_room(vault    DEPS action policy)")
        files = {"src/vault/a.cc": '#include "policy/b.h"\n', "src/policy/b.h": ""}
        self.assertIn("stand apart", self.check(files, plan))

    def test_openssl_is_for_crypto_and_the_tls_files_of_net(self):
        self.allowed("crypto/hash.cc", "<openssl/evp.h>")
        self.allowed("net/tls.cc", "<openssl/ssl.h>")
        self.allowed("net/tls_stream.h", "<openssl/ssl.h>")
        self.refused("net/http_server.cc", "<openssl/ssl.h>", "belongs in crypto/ and net/tls")
        self.refused("jose/jwt.cc", "<openssl/evp.h>", "belongs in crypto/")

    def test_sodium_is_for_crypto(self):
        self.allowed("crypto/ed25519.cc", "<sodium.h>")
        self.refused("jose/jwt.cc", "<sodium.h>", "belongs in crypto/")
        self.refused("net/tls.cc", "<sodium/utils.h>", "belongs in crypto/")

    def test_asio_is_for_async_net_and_store(self):
        for room in ("async", "net", "store"):
            self.allowed(f"{room}/a.cc", "<boost/asio/awaitable.hpp>")
        self.refused("broker/call.cc", "<boost/asio/awaitable.hpp>", "belongs in async/ and net/ and store/")
        self.refused("api/a.cc", "<boost/asio.hpp>", "belongs in async/")

    def test_sqlite_is_for_store(self):
        self.allowed("store/sqlite.cc", "<sqlite3.h>")
        self.refused("broker/call.cc", "<sqlite3.h>", "belongs in store/")

    def test_json_is_for_wire_and_all_above_it(self):
        self.allowed("wire/json.h", "<boost/json.hpp>")
        self.allowed("gateway/a.cc", "<boost/json/value.hpp>")
        self.refused("crypto/hash.cc", "<boost/json.hpp>", "needs boost_json")
        self.refused("async/task.h", "<boost/json.hpp>", "needs boost_json")

    def test_other_libraries_are_for_the_room_whose_line_names_them(self):
        self.allowed("app/log.cc", "<spdlog/spdlog.h>")
        self.allowed("net/http_parser.cc", "<llhttp.h>")
        self.refused("gateway/a.cc", "<spdlog/spdlog.h>", "needs spdlog")
        self.refused("oauth/a.cc", "<llhttp.h>", "needs llhttp")
        self.refused("oauth/a.cc", "<CLI/CLI.hpp>", "needs cli11")
        self.refused("app/a.cc", "<re2/re2.h>", "needs re2")
        self.refused("api/a.cc", "<prometheus/counter.h>", "needs prometheus")
        self.refused("api/a.cc", "<simdjson.h>", "needs simdjson")

    def test_test_libraries_are_for_tests(self):
        self.allowed("wire/json_test.cc", "<gtest/gtest.h>")
        self.allowed("store/journal_suite.h", "<gtest/gtest.h>")
        self.refused("wire/json.cc", "<gtest/gtest.h>", "belongs in tests alone")
        self.refused("wire/json.cc", "<rapidcheck.h>", "belongs in tests alone")

    def test_test_doubles_are_for_tests(self):
        self.allowed("wire/time_test.cc", '"base/fake_clock.h"', ["base/fake_clock.h"])
        self.refused("wire/time.cc", '"base/fake_clock.h"', "is for tests alone", ["base/fake_clock.h"])

    def test_the_standard_library_is_for_all(self):
        self.allowed("base/error.h", "<expected>")

    def test_rooms_in_a_circle_are_refused(self):
        plan = "writ_room(a DEPS b)\nwrit_room(b DEPS a)\n"
        self.assertIn("rooms in a circle: a -> b -> a", self.check({}, plan))

    def test_a_dependency_without_a_line_is_refused(self):
        self.assertIn("which has no line", self.check({}, "writ_room(a DEPS b)\n"))

    def test_headers_in_a_circle_are_refused(self):
        files = {
            "src/wire/a.h": '#include "wire/b.h"\n',
            "src/wire/b.h": '#include "wire/a.h"\n',
        }
        self.assertIn("headers in a circle: wire/a.h -> wire/b.h -> wire/a.h", self.check(files))

    def test_a_comment_in_the_plan_gives_nothing(self):
        self.refused("broker/a.cc", '"net/http_client.h"', "broker does not stand on net", ["net/http_client.h"])


if __name__ == "__main__":
    unittest.main()
