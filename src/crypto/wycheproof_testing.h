// SPDX-License-Identifier: Apache-2.0
// For this room's tests: reads the published vectors of Project Wycheproof. This room stands below
// the JSON parser, and the vectors are trusted, so a reader of a few lines does; it throws on
// whatever it does not know.
#pragma once

#include <cctype>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/encoding.h"

namespace writ::crypto::wycheproof {

// A string's text, a number's or literal's spelling, an array's items or an object's members.
struct Node {
  std::string text;
  std::vector<Node> items;
  std::map<std::string, Node> members;

  const Node& at(const std::string& name) const { return members.at(name); }
  const std::string& text_of(const std::string& name) const { return at(name).text; }
  int number_of(const std::string& name) const { return std::stoi(text_of(name)); }
  Bytes bytes_of(const std::string& name) const { return hex_decode(text_of(name)).value(); }
};

class Reader {
 public:
  explicit Reader(std::string text) : text_(std::move(text)) {}

  Node read() {
    switch (peek()) {
      case '{':
        return object();
      case '[':
        return array();
      case '"':
        return {.text = string(), .items = {}, .members = {}};
      default:
        return literal();
    }
  }

 private:
  char peek() {
    while (std::isspace(static_cast<unsigned char>(text_.at(at_))) != 0) ++at_;
    return text_[at_];
  }
  bool take(char wanted) {
    if (peek() != wanted) return false;
    ++at_;
    return true;
  }
  void expect(char wanted) {
    if (!take(wanted)) throw std::runtime_error("unexpected character in the vectors");
  }
  Node object() {
    Node node;
    expect('{');
    if (take('}')) return node;
    do {
      peek();
      auto name = string();
      expect(':');
      node.members.emplace(std::move(name), read());
    } while (take(','));
    expect('}');
    return node;
  }
  Node array() {
    Node node;
    expect('[');
    if (take(']')) return node;
    do node.items.push_back(read());
    while (take(','));
    expect(']');
    return node;
  }
  std::string string() {
    expect('"');
    std::string out;
    for (char next = text_.at(at_++); next != '"'; next = text_.at(at_++)) {
      if (next == '\\') {
        next = text_.at(at_++);
        if (next == 'u') at_ += 4;  // only in comments
        if (next == 'n') next = '\n';
      }
      out += next;
    }
    return out;
  }
  Node literal() {
    Node node;
    while (std::string_view(",]} \n\r\t").find(text_.at(at_)) == std::string_view::npos) {
      node.text += text_[at_++];
    }
    return node;
  }

  std::string text_;
  std::size_t at_ = 0;
};

inline Node load(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return Reader(text.str()).read();
}

}  // namespace writ::crypto::wycheproof
