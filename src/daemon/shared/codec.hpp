// Encodes values to bytes and decodes them in another process of the same build, so numbers are
// native. One function fields() lists a struct's members for both directions. The decoder trusts
// nothing: it checks sizes, enumerators and flags.
#pragma once

#include <array>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace brine::daemon {

/// The last enumerator of an enumeration that is encoded; specialised for each.
template <class Enum>
struct LastOf;

/// A number that is encoded as it lies in memory. bool is not one, since only two of its bytes are
/// valid.
template <class Value>
concept Number = std::is_arithmetic_v<Value> && !std::same_as<Value, bool>;

template <class Value>
concept Enumeration = std::is_enum_v<Value>;

/// A struct whose members a function fields() lists.
template <class Value, class Codec>
concept Listed = std::is_void_v<decltype(fields(std::declval<Codec&>(), std::declval<Value&>()))>;

/// Appends values to `out`, a std::string or another class with append(bytes, size).
template <class Out>
class Encoder {
 public:
  explicit Encoder(Out& out) : out_(out) {}

  template <class... Values>
  void operator()(const Values&... values) {
    (put(values), ...);
  }

 private:
  template <Number Value>
  void put(Value number) {
    out_.append(reinterpret_cast<const char*>(&number), sizeof(number));
  }
  void put(bool flag) { put(static_cast<std::uint8_t>(flag)); }
  template <Enumeration Value>
  void put(Value value) {
    put(static_cast<std::underlying_type_t<Value>>(value));
  }
  void put(const std::string& text) {
    put(static_cast<std::uint32_t>(text.size()));
    out_.append(text);
  }
  template <class Count, class Period>
  void put(std::chrono::duration<Count, Period> time) {
    put(static_cast<std::int64_t>(time.count()));
  }
  template <class Value>
  void put(const std::optional<Value>& value) {
    put(value.has_value());
    if (value) put(*value);
  }
  template <class Value>
  void put(const std::vector<Value>& values) {
    put(static_cast<std::uint32_t>(values.size()));
    for (const Value& value : values) put(value);
  }
  template <class Key, class Value, class Less>
  void put(const std::map<Key, Value, Less>& values) {
    put(static_cast<std::uint32_t>(values.size()));
    for (const auto& [key, value] : values) (put(key), put(value));
  }
  template <class Value, std::size_t size>
  void put(const Value (&values)[size]) {
    for (const Value& value : values) put(value);
  }
  template <class Value, std::size_t size>
  void put(const std::array<Value, size>& values) {
    for (const Value& value : values) put(value);
  }
  template <Listed<Encoder> Struct>
  void put(const Struct& value) {
    fields(*this, value);
  }

  Out& out_;
};

/// Reads what an Encoder has written. If a value is missing or not of its type, ok() is false from
/// then on, and what has been read has no meaning.
class Decoder {
 public:
  explicit Decoder(std::string_view bytes) : bytes_(bytes) {}

  template <class... Values>
  void operator()(Values&... values) {
    (get(values), ...);
  }

  bool ok() const { return ok_; }
  /// Returns true if all bytes have been read and each value was there.
  bool complete() const { return ok_ && bytes_.empty(); }

 private:
  template <Number Value>
  void get(Value& number) {
    if (!has(sizeof(number))) return;
    std::memcpy(&number, bytes_.data(), sizeof(number));
    bytes_.remove_prefix(sizeof(number));
  }
  void get(bool& flag) {
    std::uint8_t byte = 0;
    get(byte);
    ok_ = ok_ && byte <= 1;
    flag = byte == 1;
  }
  template <Enumeration Enum>
  void get(Enum& value) {
    static_assert(std::is_unsigned_v<std::underlying_type_t<Enum>>);
    std::underlying_type_t<Enum> number{};
    get(number);
    ok_ = ok_ && number <= static_cast<std::underlying_type_t<Enum>>(LastOf<Enum>::value);
    value = ok_ ? static_cast<Enum>(number) : Enum{};
  }
  void get(std::string& text) {
    const std::size_t size = count(1);
    text.assign(bytes_.substr(0, size));
    bytes_.remove_prefix(size);
  }
  template <class Count, class Period>
  void get(std::chrono::duration<Count, Period>& time) {
    std::int64_t number = 0;
    get(number);
    time = std::chrono::duration<Count, Period>(number);
  }
  template <class Value>
  void get(std::optional<Value>& value) {
    bool is_there = false;
    get(is_there);
    if (!is_there) return value.reset();
    get(value.emplace());
  }
  template <class Value>
  void get(std::vector<Value>& values) {
    values.clear();
    for (std::size_t left = count(1); left != 0 && ok_; --left) get(values.emplace_back());
  }
  template <class Key, class Value, class Less>
  void get(std::map<Key, Value, Less>& values) {
    values.clear();
    for (std::size_t left = count(1); left != 0 && ok_; --left) {
      Key key{};
      Value value{};
      (*this)(key, value);
      values.emplace(std::move(key), std::move(value));
    }
  }
  template <class Value, std::size_t size>
  void get(Value (&values)[size]) {
    for (Value& value : values) get(value);
  }
  template <class Value, std::size_t size>
  void get(std::array<Value, size>& values) {
    for (Value& value : values) get(value);
  }
  template <Listed<Decoder> Struct>
  void get(Struct& value) {
    fields(*this, value);
  }

  bool has(std::size_t size) {
    ok_ = ok_ && bytes_.size() >= size;
    return ok_;
  }
  // Reads how many elements follow, each of at least `size` bytes; returns 0 if so many cannot.
  std::size_t count(std::size_t size) {
    std::uint32_t number = 0;
    get(number);
    return has(number * size) ? number : 0;
  }

  std::string_view bytes_;
  bool ok_ = true;
};

/// Returns the bytes of a value.
template <class Value>
std::string encoded(const Value& value) {
  std::string bytes;
  Encoder encoder(bytes);
  encoder(value);
  return bytes;
}

/// Returns nothing if the bytes are not exactly one value of this type.
template <class Value>
std::optional<Value> decoded(std::string_view bytes) {
  std::optional<Value> value(std::in_place);
  Decoder decoder(bytes);
  decoder(*value);
  if (!decoder.complete()) value.reset();
  return value;
}

}  // namespace brine::daemon
