// end_of_globals(): never before the last STACK_GLOBAL of what pickle writes.
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "pickle/framing.hpp"
#include "pickle/scanner.hpp"

namespace brine::pickle {
namespace {

using namespace std::string_literals;

std::string little_endian(std::uint64_t number, std::size_t bytes) {
  std::string text;
  for (std::size_t i = 0; i < bytes; ++i) text.push_back(static_cast<char>(number >> (8 * i)));
  return text;
}

// Writes as CPython's C pickler does with protocol 4 and later (Modules/_pickle.c): frames end
// before a value once they have 64 KiB, large texts and bytes stand between frames, frames of less
// than four bytes are left without a head. Remembers where the last STACK_GLOBAL is.
class Pickler {
 public:
  explicit Pickler(char protocol) { out_ = "\x80"s + protocol; }

  std::string finish() {
    write(".");
    commit_frame();
    return out_;
  }

  /// One past the last STACK_GLOBAL; valid after finish().
  std::size_t end() const { return end_; }
  std::size_t memo() const { return memo_; }

  void value(std::string_view opcodes) {
    if (frame_.size() >= kFrameTarget) commit_frame();
    write(opcodes);
  }
  void memoize() {
    write("\x94");
    ++memo_;
  }
  void get(std::size_t entry) {
    value(entry < 256 ? "h" + little_endian(entry, 1) : "j" + little_endian(entry, 4));
  }
  void text(std::string_view text) {
    if (text.size() < 256) return sized("\x8c" + little_endian(text.size(), 1), text);
    sized("X" + little_endian(text.size(), 4), text);
  }
  void bytes(std::string_view bytes) {
    if (bytes.size() < 256) return sized("C" + little_endian(bytes.size(), 1), bytes);
    sized("B" + little_endian(bytes.size(), 4), bytes);
  }
  void bytearray(std::string_view bytes) { sized("\x96" + little_endian(bytes.size(), 8), bytes); }

  // Behind the name, which has been written.
  void stack_global() {
    write("\x93");
    global_in_frame_ = frame_.size();
    memoize();
  }

 private:
  static constexpr std::size_t kFrameTarget = 64 * 1024;

  void write(std::string_view bytes) { frame_ += bytes; }
  void sized(const std::string& head, std::string_view data) {
    if (frame_.size() >= kFrameTarget) commit_frame();
    if (data.size() >= kFrameTarget) {
      commit_frame();
      out_.append(head).append(data);
    } else {
      write(head);
      write(data);
    }
    memoize();
  }
  void commit_frame() {
    const bool has_head = frame_.size() >= 4;
    if (global_in_frame_ > 0) end_ = out_.size() + (has_head ? 9 : 0) + global_in_frame_;
    if (has_head) out_ += "\x95" + little_endian(frame_.size(), 8);
    out_ += frame_;
    frame_.clear();
    global_in_frame_ = 0;
  }

  std::string out_, frame_;
  std::size_t global_in_frame_ = 0, end_ = 0, memo_ = 0;
};

// Texts and bytes are full of what looks like opcodes.
class Source {
 public:
  explicit Source(unsigned seed) : random_(seed) {}

  std::size_t below(std::size_t limit) { return random_() % limit; }
  std::string noise(std::size_t size) {
    static constexpr std::string_view kBytes = "\x93\x93\x93\x94\x95hjbX\x8c\x00.";
    std::string text;
    for (std::size_t i = 0; i < size; ++i) text.push_back(kBytes[below(kBytes.size())]);
    return text;
  }
  std::size_t size() {
    static constexpr std::size_t kSizes[] = {0, 1, 5, 40, 255, 256, 3000, 65'535, 65'536, 70'000};
    return kSizes[below(below(40) == 0 ? std::size(kSizes) : 5)];
  }

 private:
  std::mt19937 random_;
};

void write_name(Pickler& pickler, Source& source) {
  switch (source.below(4)) {
    case 0:
      if (pickler.memo() > 0) return pickler.get(source.below(pickler.memo()));
      return pickler.text("name");
    case 1:  // of a subclass of str, with a state
      pickler.text("subclass");
      return pickler.value("}b");
    default:
      return pickler.text(source.noise(source.size()));
  }
}

void write_value(Pickler& pickler, Source& source, bool globals) {
  switch (source.below(globals ? 12 : 10)) {
    case 0:
      return pickler.value("K" + source.noise(1));
    case 1:
      return pickler.value("J" + source.noise(4));
    case 2:
      return pickler.value("G" + source.noise(8));
    case 3:
      return pickler.text(source.noise(source.size()));
    case 4:
      return pickler.bytes(source.noise(source.size()));
    case 5:
      return pickler.bytearray(source.noise(source.size()));
    case 6:
      return pickler.value("\x8a\x03" + source.noise(3));
    case 7:
      return pickler.value(
          "](K\x93"
          "e");
    case 8:
      if (pickler.memo() > 0) return pickler.get(source.below(pickler.memo()));
      return pickler.value("N");
    case 9:
      return pickler.value("M\x93\x93\x85");
    default:
      write_name(pickler, source);
      write_name(pickler, source);
      return pickler.stack_global();
  }
}

TEST(PickleFraming, CoversEachGlobalOfManyPickles) {
  std::size_t with_globals = 0, shorter = 0;
  for (unsigned seed = 0; seed < 1000; ++seed) {
    Source source(seed);
    Pickler pickler(seed % 2 == 0 ? '\x04' : '\x05');
    const std::size_t values = source.below(200), last_global = source.below(200);
    for (std::size_t i = 0; i < values; ++i) write_value(pickler, source, i < last_global);
    const std::string stream = pickler.finish();
    const std::size_t end = end_of_globals(stream);
    ASSERT_GE(end, pickler.end()) << "seed " << seed;
    ASSERT_LE(end, stream.size());
    with_globals += pickler.end() > 0 ? 1U : 0U;
    shorter += end < stream.size() ? 1U : 0U;
  }
  EXPECT_GT(with_globals, 500U);
  EXPECT_GT(shorter, 300U);
}

std::string frame(std::string_view body) {
  return "\x95" + little_endian(body.size(), 8) + std::string(body);
}

const std::string kHead = "\x80\x04";
const std::string kNamed = "\x8c\x01m\x94\x8c\x01n\x94\x93\x94";

TEST(PickleFraming, FindsNoneWhereThereIsNone) {
  EXPECT_EQ(end_of_globals(""), 0U);
  EXPECT_EQ(end_of_globals(kHead + "N."), 0U);
  EXPECT_EQ(end_of_globals(kHead + frame("K\x93.")), kHead.size() + 9 + 2) << "too near the start";
  for (const std::string& body : {"](NNNK\x01K\x93"
                                  "e."s,
                                  "](NNNM\x93\x93K\x01"
                                  "e."s,
                                  "](NNN\x8c\x01\x93\x94K\x93"
                                  "e."s,
                                  "](NNNG\x3f\x93\x93\x93\x93\x93\x93\x93K\x93"
                                  "e."s,
                                  "](NNNC\x93"s + std::string(0x93, 'x') +
                                      "\x94"
                                      "e."}) {
    EXPECT_EQ(end_of_globals(kHead + frame(body)), 0U);
  }
}

TEST(PickleFraming, EndsBehindTheLastOne) {
  const std::string body = "]\x94(" + kNamed + ")R\x94";
  const std::string more =
      "K\x01K\x02"
      "e.";
  EXPECT_EQ(end_of_globals(kHead + frame(body + more)), kHead.size() + 9 + 3 + kNamed.size() - 1);
  EXPECT_EQ(end_of_globals(kHead + frame(body) + frame(more)),
            kHead.size() + 9 + 3 + kNamed.size() - 1);
  EXPECT_EQ(end_of_globals(kHead + frame(more) + frame(body)),
            kHead.size() + 9 + more.size() + 9 + 3 + kNamed.size() - 1);
}

TEST(PickleFraming, KnowsEveryWayToANameBeforeIt) {
  const std::string start = "]\x94(NNNNNNNNNN";
  for (const std::string& name :
       {"\x8c\x01n\x94"s, "X\x00\x01\x00\x00"s + std::string(256, 'n') + "\x94", "h\x00"s, "h\x93"s,
        "hb"s, "j\x00\x01\x00\x00"s, "j\x93\x93\x93\x93"s, "\x8c\x01n\x94}b"s, "\x8c\x01n\x94(e"s,
        "\x8c\x01n\x94Na"s, "\x8c\x01n\x94(u"s, "\x8c\x01n\x94NNs"s, "\x8c\x01n\x94N0"s}) {
    const std::string before =
        kHead + frame(start + name + "\x93N.").substr(0, 9 + start.size() + name.size());
    EXPECT_EQ(end_of_globals(kHead + frame(start + name + "\x93N.")), before.size() + 1) << name;
  }
}

TEST(PickleFraming, SeesOneRightBehindAFramesStart) {
  EXPECT_EQ(end_of_globals(kHead + frame("NNNNN") + frame("\x93N.N")), kHead.size() + 14 + 9 + 1);
  // A name of 64 KiB stands between two frames.
  const std::string large = "X" + little_endian(65'536, 4) + std::string(65'536, '\x93');
  for (const std::string& tail : {"\x94\x93."s, "\x94\x93\x94."s}) {
    const std::string before = kHead + frame("\x8c\x01m\x94") + large;
    EXPECT_EQ(end_of_globals(before + (tail.size() < 4 ? tail : frame(tail))),
              before.size() + (tail.size() < 4 ? 0 : 9) + 2);
  }
}

TEST(PickleFraming, PassesLargeValuesBetweenFrames) {
  const std::string noise = Source(1).noise(100'000);
  for (const std::string& head :
       {"B" + little_endian(noise.size(), 4), "X" + little_endian(noise.size(), 4),
        "\x8e" + little_endian(noise.size(), 8), "\x8d" + little_endian(noise.size(), 8),
        "\x96" + little_endian(noise.size(), 8)}) {
    EXPECT_EQ(end_of_globals(kHead + head + noise + "\x94."), 0U);
    EXPECT_EQ(end_of_globals(kHead + frame(kNamed) + head + noise + "\x94."),
              kHead.size() + 9 + kNamed.size() - 1);
  }
}

TEST(PickleFraming, ReadsNoFurtherThanABrokenStream) {
  const std::string whole = kHead + frame("]\x94(" + kNamed + "NNNNe") + "B" + little_endian(9, 4) +
                            "123456789" + frame(kNamed + "K\x93h\x93") + "\x94.";
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    const auto copy = std::make_unique<char[]>(size);  // so that a sanitizer sees its end
    whole.copy(copy.get(), size);
    EXPECT_LE(end_of_globals({copy.get(), size}), size);
  }
  for (const char code : {'B', 'X', '\x8e', '\x8d', '\x96', '\x8b', '\x95', 'T'}) {
    for (const int byte : {0x00, 0x7F, 0xFF}) {
      const std::string lie = kHead + code + std::string(8, static_cast<char>(byte)) + "\x93";
      EXPECT_LE(end_of_globals(lie), lie.size());
    }
  }
  for (unsigned seed = 0; seed < 20'000; ++seed) {
    Source source(seed);
    const std::string noise = source.noise(source.below(60));
    const auto copy = std::make_unique<char[]>(noise.size());
    noise.copy(copy.get(), noise.size());
    EXPECT_LE(end_of_globals({copy.get(), noise.size()}), noise.size());
  }
}

TEST(PickleFraming, LeavesAllToTheScannerWherePickleWouldNotWriteSo) {
  for (const char* other : {"cm\nn\n.", "I1\n.", "(im\nn\n.", "p0\n."}) {
    const std::string stream = kHead + other;
    EXPECT_EQ(end_of_globals(stream), stream.size());
  }
}

TEST(PickleFraming, CoversWhatAFastPicklerWritesWithoutAMemo) {
  for (const std::string name :
       {"Item", "Item2", "_", "Page[int]", "<lambda>", "\xc3\xa9", "Row (v2)", "Row-"}) {
    const std::string body =
        "\x8c\x03mod\x8c" + little_endian(name.size(), 1) + name + "\x93" + "K\x01K\x02N.";
    const std::string stream = kHead + frame(body);
    EXPECT_EQ(end_of_globals(stream, Memo::may_lack), stream.find('\x93') + 1) << name;
  }
}

}  // namespace
}  // namespace brine::pickle
