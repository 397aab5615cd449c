// Writes JSON.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/json_text.hpp"
#include "metrics/number_text.hpp"

namespace brine::metrics {

/// Writes objects and lists; each value stands behind a key, or in a list.
class JsonWriter {
 public:
  template <class Members>
  void object(Members members) {
    separate();
    between('{', '}', members);
  }
  template <class Members>
  void object(std::string_view key, Members members) {
    name(key);
    between('{', '}', members);
  }
  template <class Items>
  void list(std::string_view key, Items items) {
    name(key);
    between('[', ']', items);
  }

  void put(std::string_view key, std::string_view text) { member(key, base::json_text(text)); }
  void put(std::string_view key, bool value) { member(key, value ? "true" : "false"); }
  void put(std::string_view key, double value) { member(key, number_text(value)); }
  void put(std::string_view key, std::uint64_t value) { member(key, std::to_string(value)); }
  void item(double value) { item_text(number_text(value)); }
  void item(std::uint64_t value) { item_text(std::to_string(value)); }

  std::string take() { return std::move(text_); }

 private:
  // Writes what stands between the brackets; the caller has written a key or a separator.
  template <class Contents>
  void between(char open, char close, Contents contents) {
    text_ += open;
    is_first_ = true;
    contents();
    text_ += close;
    is_first_ = false;
  }
  void separate() {
    if (!is_first_) text_ += ',';
    is_first_ = false;
  }
  void name(std::string_view key) {
    separate();
    text_ += base::json_text(key) + ':';
  }
  void member(std::string_view key, std::string_view value) {
    name(key);
    text_ += value;
  }
  void item_text(std::string_view value) {
    separate();
    text_ += value;
  }

  std::string text_;
  bool is_first_ = true;
};

}  // namespace brine::metrics
