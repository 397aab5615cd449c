#include "daemon/shared/frame.hpp"

#include <array>
#include <cstddef>
#include <cstring>
#include <tuple>

#include "boundary/script_settings.hpp"
#include "daemon/shared/codec.hpp"
#include "daemon/shared/fields.hpp"

namespace brine::daemon {

namespace {

constexpr std::uint32_t kAbsent = UINT32_MAX;  // the size of a view without data

// A script's settings in encoded form: a fixed number of bytes, padded with zeros to a multiple of
// 8.
constexpr wsgi::ScriptSettings kDefaults;
constexpr std::size_t kScriptSettingsBytes =
    std::apply([](const auto&... member) { return (sizeof(member) + ...); }, members(kDefaults));
using ScriptSettingsBytes = std::array<char, (kScriptSettingsBytes + 7) / 8 * 8>;

// The output of an Encoder into memory of known size.
struct ByteWriter {
  char* at;

  void append(const char* bytes, std::size_t size) {
    std::memcpy(at, bytes, size);
    at += size;
  }
};

ScriptSettingsBytes encoded(const wsgi::ScriptSettings& settings) {
  ScriptSettingsBytes bytes{};
  ByteWriter out{bytes.data()};
  Encoder encoder(out);
  encoder(settings);
  return bytes;
}

bool decode(const ScriptSettingsBytes& bytes, wsgi::ScriptSettings& settings) {
  Decoder decoder({bytes.data(), kScriptSettingsBytes});
  decoder(settings);
  return decoder.complete();
}

// The fixed part of a request. The sizes of all texts follow, then the texts.
struct RequestPrefix {
  std::int64_t content_length;
  double request_start;
  double queue_start;
  std::int64_t slow_begun;
  std::int64_t slow_after;
  std::uint64_t device;
  std::uint64_t inode;
  std::int64_t size;
  std::int64_t mtime_us;
  std::int64_t ctime_us;
  std::uint64_t links;
  std::uint32_t text_bytes;  // all texts with their NULs
  std::uint32_t body_bytes;
  std::uint32_t headers;
  std::uint32_t extra;
  std::uint8_t body_complete;
  std::uint8_t head_request;
  std::uint8_t replacements;  // bits: local_redirect, error_page, file
  std::uint8_t group_named_by;
  std::uint8_t strict_headers;
  std::uint8_t call;
  std::uint8_t unused[2];
  ScriptSettingsBytes settings;
};
static_assert(sizeof(RequestPrefix) ==
                  offsetof(RequestPrefix, settings) + sizeof(ScriptSettingsBytes),
              "bytes between the members would be whatever lay there");

constexpr std::size_t kTargetTexts = 6;

// Calls use(view) for each text of a request, in the order of the encoding.
template <class Head, class Target, class Use>
void for_each_text(Head& head, Target& target, Use use) {
  for (auto& var : head.vars) use(var);
  use(target.script);
  use(target.callable);
  use(target.application_group);
  use(target.resource);
  use(target.question.subject);
  use(target.question.detail);
}

// Writes the sizes of texts into one place, and their bytes into another.
class TextWriter {
 public:
  TextWriter(char* sizes, char* bytes) : size_(sizes), at_(bytes) {}

  void put(std::string_view text) {
    const std::uint32_t size =
        text.data() == nullptr ? kAbsent : static_cast<std::uint32_t>(text.size());
    std::memcpy(size_, &size, sizeof(size));
    size_ += sizeof(size);
    if (text.data() == nullptr) return;
    std::memcpy(at_, text.data(), text.size());
    at_[text.size()] = '\0';
    at_ += text.size() + 1;
  }

 private:
  char* size_;
  char* at_;
};

// Reads texts back; `ok` stays true as long as all of them lie within the bytes.
class TextReader {
 public:
  TextReader(std::span<const char> sizes, std::span<const char> bytes)
      : sizes_(sizes), bytes_(bytes) {}

  std::string_view take() {
    std::uint32_t size = 0;
    std::memcpy(&size, sizes_.data(), sizeof(size));
    sizes_ = sizes_.subspan(sizeof(size));
    if (size == kAbsent) return {};
    if (!ok || size >= bytes_.size() || bytes_[size] != '\0') {
      ok = false;
      return {};
    }
    const std::string_view text(bytes_.data(), size);
    bytes_ = bytes_.subspan(size + 1U);
    return text;
  }

  bool ok = true;

 private:
  std::span<const char> sizes_;
  std::span<const char> bytes_;
};

std::size_t bytes_of(std::string_view text) { return text.data() == nullptr ? 0 : text.size() + 1; }

std::size_t bytes_of(std::span<const wsgi::Field> fields) {
  std::size_t sum = 0;
  for (const wsgi::Field& field : fields) sum += bytes_of(field.name) + bytes_of(field.value);
  return sum;
}

constexpr std::size_t kSizeBytes = sizeof(std::uint32_t);

RequestPrefix prefix_of(const wsgi::Head& head, const wsgi::Target& target,
                        std::size_t text_bytes) {
  RequestPrefix prefix{};
  prefix.content_length = head.content_length;
  prefix.request_start = head.request_start;
  prefix.queue_start = head.queue_start;
  prefix.slow_begun = head.slow.begun;
  prefix.slow_after = head.slow.after;
  prefix.device = target.seen.device;
  prefix.inode = target.seen.inode;
  prefix.size = target.seen.size;
  prefix.mtime_us = target.seen.mtime_us;
  prefix.ctime_us = target.seen.ctime_us;
  prefix.links = target.seen.links;
  prefix.text_bytes = static_cast<std::uint32_t>(text_bytes);
  prefix.body_bytes = static_cast<std::uint32_t>(head.body_start.size());
  prefix.headers = static_cast<std::uint32_t>(head.headers.size());
  prefix.extra = static_cast<std::uint32_t>(head.extra.size());
  prefix.body_complete = head.body_complete ? 1 : 0;
  prefix.head_request = head.head_request ? 1 : 0;
  prefix.settings = encoded(target.settings);
  prefix.group_named_by = static_cast<std::uint8_t>(target.group_named_by);
  prefix.replacements = static_cast<std::uint8_t>((head.replacements.local_redirect ? 1 : 0) |
                                                  (head.replacements.error_page ? 2 : 0) |
                                                  (head.replacements.file ? 4 : 0));
  prefix.strict_headers = head.strict_headers ? 1 : 0;
  prefix.call = static_cast<std::uint8_t>(target.question.call);
  return prefix;
}

bool apply(const RequestPrefix& prefix, wsgi::Head& head, wsgi::Target& target) {
  if (prefix.group_named_by > static_cast<std::uint8_t>(LastOf<wsgi::NamedBy>::value) ||
      prefix.call > static_cast<std::uint8_t>(LastOf<wsgi::Call>::value) ||
      !decode(prefix.settings, target.settings)) {
    return false;
  }
  head.content_length = prefix.content_length;
  head.request_start = prefix.request_start;
  head.queue_start = prefix.queue_start;
  head.slow = {prefix.slow_begun, prefix.slow_after};
  head.body_complete = prefix.body_complete != 0;
  head.head_request = prefix.head_request != 0;
  head.replacements = {(prefix.replacements & 1) != 0, (prefix.replacements & 2) != 0,
                       (prefix.replacements & 4) != 0};
  head.strict_headers = prefix.strict_headers != 0;
  target.seen = {prefix.device,   prefix.inode,    prefix.size,
                 prefix.mtime_us, prefix.ctime_us, prefix.links};
  target.group_named_by = static_cast<wsgi::NamedBy>(prefix.group_named_by);
  target.question.call = static_cast<wsgi::Call>(prefix.call);
  return true;
}

struct HeadPrefix {
  std::uint32_t headers;
  std::uint32_t text_bytes;
};

// Appends the prefix, and room for the texts that follow.
template <class Prefix>
TextWriter begin_texts(std::vector<char>& out, const Prefix& prefix, std::size_t texts,
                       std::size_t text_bytes) {
  const std::size_t at = out.size();
  out.resize(at + sizeof(prefix) + texts * kSizeBytes + text_bytes);
  char* start = out.data() + at;
  std::memcpy(start, &prefix, sizeof(prefix));
  char* sizes = start + sizeof(prefix);
  return {sizes, sizes + texts * kSizeBytes};
}

}  // namespace

void encode_request(const wsgi::Head& head, const wsgi::Target& target, std::vector<char>& out) {
  std::size_t text_bytes = bytes_of(head.headers) + bytes_of(head.extra);
  for_each_text(head, target, [&](std::string_view text) { text_bytes += bytes_of(text); });
  const std::size_t texts =
      wsgi::kVarCount + kTargetTexts + 2 * (head.headers.size() + head.extra.size());
  const RequestPrefix prefix = prefix_of(head, target, text_bytes);
  TextWriter writer = begin_texts(out, prefix, texts, text_bytes);
  for_each_text(head, target, [&](std::string_view text) { writer.put(text); });
  for (const auto& fields : {head.headers, head.extra}) {
    for (const wsgi::Field& field : fields) {
      writer.put(field.name);
      writer.put(field.value);
    }
  }
}

bool decode_request(std::span<const char> payload, RequestFrame& frame) {
  RequestPrefix prefix;
  if (payload.size() < sizeof(prefix)) return false;
  std::memcpy(&prefix, payload.data(), sizeof(prefix));
  payload = payload.subspan(sizeof(prefix));
  const std::size_t fields = std::size_t{prefix.headers} + prefix.extra;
  const std::size_t size_bytes = (wsgi::kVarCount + kTargetTexts + 2 * fields) * kSizeBytes;
  if (payload.size() < size_bytes ||
      payload.size() - size_bytes != std::size_t{prefix.text_bytes} + prefix.body_bytes ||
      !apply(prefix, frame.head, frame.target)) {
    return false;
  }
  TextReader reader(payload.first(size_bytes), payload.subspan(size_bytes, prefix.text_bytes));
  for_each_text(frame.head, frame.target, [&](std::string_view& text) { text = reader.take(); });
  frame.fields.resize(fields);
  for (wsgi::Field& field : frame.fields) {
    field.name = reader.take();
    field.value = reader.take();
  }
  const std::span<const wsgi::Field> all = frame.fields;
  frame.head.headers = all.first(prefix.headers);
  frame.head.extra = all.subspan(prefix.headers);
  const auto body = payload.subspan(size_bytes + prefix.text_bytes);
  frame.head.body_start = {body.data(), body.size()};
  return reader.ok;
}

void encode_head(std::string_view status_line, std::span<const wsgi::Field> headers,
                 std::vector<char>& out) {
  const std::size_t texts = 1 + 2 * headers.size();
  const std::size_t text_bytes = bytes_of(status_line) + bytes_of(headers);
  const HeadPrefix prefix{static_cast<std::uint32_t>(headers.size()),
                          static_cast<std::uint32_t>(text_bytes)};
  TextWriter writer = begin_texts(out, prefix, texts, text_bytes);
  writer.put(status_line);
  for (const wsgi::Field& header : headers) {
    writer.put(header.name);
    writer.put(header.value);
  }
}

std::optional<HeadExtent> head_extent(std::span<const char> payload) {
  HeadPrefix prefix;
  static_assert(sizeof(prefix) == kExtentBytes);
  if (payload.size() < sizeof(prefix)) return std::nullopt;
  std::memcpy(&prefix, payload.data(), sizeof(prefix));
  const std::size_t size_bytes = (1 + 2 * std::size_t{prefix.headers}) * kSizeBytes;
  return HeadExtent{sizeof(prefix) + size_bytes + prefix.text_bytes, prefix.headers};
}

bool decode_head(std::span<const char> payload, ResponseHead& head) {
  const std::optional<HeadExtent> extent = head_extent(payload);
  if (!extent || extent->bytes > payload.size()) return false;
  HeadPrefix prefix;
  std::memcpy(&prefix, payload.data(), sizeof(prefix));
  const std::size_t size_bytes = (1 + 2 * std::size_t{prefix.headers}) * kSizeBytes;
  TextReader reader(payload.subspan(sizeof(prefix), size_bytes),
                    payload.subspan(sizeof(prefix) + size_bytes, prefix.text_bytes));
  head.size = extent->bytes;
  head.status_line = reader.take();
  head.headers.resize(prefix.headers);
  for (wsgi::Field& header : head.headers) {
    header.name = reader.take();
    header.value = reader.take();
  }
  return reader.ok && head.status_line.data() != nullptr;
}

}  // namespace brine::daemon
