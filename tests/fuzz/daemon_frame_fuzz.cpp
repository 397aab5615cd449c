// What holds for bytes that claim to be a frame's payload: they are refused, or every view lies
// within them, and what was read can be written and read again.
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string_view>
#include <vector>

#include "daemon/shared/frame.hpp"

namespace {

using namespace brine;

void require(bool holds) {
  if (!holds) std::abort();
}

bool within(std::string_view view, std::span<const char> bytes) {
  return view.data() == nullptr ||
         (view.data() >= bytes.data() && view.data() + view.size() < bytes.data() + bytes.size());
}

void check_request(std::span<const char> bytes) {
  daemon::RequestFrame frame;
  if (!daemon::decode_request(bytes, frame)) return;
  for (const std::string_view var : frame.head.vars) require(within(var, bytes));
  for (const wsgi::Field& field : frame.fields) {
    require(within(field.name, bytes) && within(field.value, bytes));
  }
  require(within(frame.target.script, bytes) && within(frame.target.resource, bytes));
  require(within(frame.target.question.subject, bytes));
  require(within(frame.target.question.detail, bytes));
  std::vector<char> again;
  daemon::encode_request(frame.head, frame.target, again);
  again.insert(again.end(), frame.head.body_start.begin(), frame.head.body_start.end());
  daemon::RequestFrame second;
  require(daemon::decode_request(again, second));
  for (std::size_t i = 0; i < wsgi::kVarCount; ++i) {
    require(second.head.vars[i] == frame.head.vars[i]);
  }
  require(second.fields.size() == frame.fields.size());
  require(second.head.body_start == frame.head.body_start);
  require(second.target.script == frame.target.script);
  require(second.target.question.call == frame.target.question.call);
  require(second.target.question.detail == frame.target.question.detail);
}

void check_head(std::span<const char> bytes) {
  daemon::ResponseHead head;
  if (!daemon::decode_head(bytes, head)) return;
  const auto extent = daemon::head_extent(bytes);
  require(extent && head.size == extent->bytes && head.size <= bytes.size());
  require(head.headers.size() == extent->fields);
  require(within(head.status_line, bytes));
  for (const wsgi::Field& header : head.headers) {
    require(within(header.name, bytes) && within(header.value, bytes));
  }
  std::vector<char> again;
  daemon::encode_head(head.status_line, head.headers, again);
  daemon::ResponseHead second;
  require(daemon::decode_head(again, second));
  require(second.status_line == head.status_line && second.headers.size() == head.headers.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::vector<char> bytes(data, data + size);
  check_request(bytes);
  check_head(bytes);
  return 0;
}
