// What the scanner reads from streams that pickle wrote, and from those that it never would.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "pickle/opcodes.hpp"
#include "pickle/scanner.hpp"

namespace brine::pickle {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;
using Source = Scanner::Source;

struct Collector final : GlobalSink {
  std::uint32_t global(const Global& global) override {
    std::string text;
    if (global.kind == Global::Kind::extension) text = "ext ";
    if (global.kind == Global::Kind::computed) text = "computed";
    if (global.kind == Global::Kind::changed) text = "changed";
    if (global.kind == Global::Kind::memo) text = "memo";
    if (global.kind == Global::Kind::length) text = "length";
    if (global.kind == Global::Kind::named) text.append(global.module).append(1, ' ');
    seen.push_back(text.append(global.name).append("@" + std::to_string(global.position)));
    opcodes.push_back(global.opcode);
    return static_cast<std::uint32_t>(seen.size());
  }
  void call(const Call& call) override {
    const char* how[] = {"reduce", "new", "new_ex"};
    calls.push_back(std::string(how[static_cast<int>(call.how)]) + " " +
                    std::to_string(call.callee) + "(" + std::to_string(call.arguments) + ")");
  }
  std::vector<std::string> seen;
  std::vector<std::uint8_t> opcodes;
  std::vector<std::string> calls;
};

using Names = std::vector<std::string>;

// What was found, "module name@position" each, and how it ended.
struct Outcome {
  Names globals;
  std::string fault;
  std::uint64_t position = 0;
  std::uint64_t pickles = 0;
  bool operator==(const Outcome&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Outcome& outcome) {
  for (const std::string& name : outcome.globals) out << name << ", ";
  return out << outcome.fault << " at " << outcome.position << ", " << outcome.pickles;
}

Outcome scan_in_pieces(std::string_view stream, std::size_t piece, Source source = Source::stranger,
                       Limits limits = {}) {
  Collector collector;
  Scanner scanner(collector, source, limits);
  for (std::size_t at = 0; at < stream.size(); at += piece) {
    const std::string copy(stream.substr(at, piece));  // gone when the next one comes
    scanner.feed(copy);
  }
  scanner.finish();
  const char* fault = scanner.fault();
  return {collector.seen, fault != nullptr ? fault : "", scanner.position(), scanner.pickles()};
}

// All at once, and that pieces change nothing.
Outcome scan(std::string_view stream, Source source = Source::stranger) {
  Outcome whole = scan_in_pieces(stream, stream.size() + 1, source);
  for (const std::size_t piece : {1U, 2U, 3U, 7U}) {
    EXPECT_EQ(scan_in_pieces(stream, piece, source), whole) << "in pieces of " << piece;
  }
  return whole;
}

// The globals of a sound stream; what is wrong with any other.
Names globals(std::string_view stream, Source source = Source::stranger) {
  Outcome outcome = scan(stream, source);
  if (!outcome.fault.empty()) outcome.globals.push_back(outcome.fault);
  return outcome.globals;
}

std::string fault(std::string_view stream) { return scan(stream).fault; }

std::string little_endian(std::uint64_t number, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text.push_back(static_cast<char>(number >> (8 * i)));
  return text;
}

std::string text_of(std::string_view text) {
  return "\x8c" + little_endian(text.size(), 1) + std::string(text);
}

std::string frame(std::string_view body) {
  return "\x95" + little_endian(body.size(), 8) + std::string(body);
}

const Names kNone;
constexpr const char* kUnderflow = "takes a value from an empty stack";
constexpr const char* kNoMark = "looks for a mark that it has not made";
constexpr const char* kMiddle = "ends in the middle of a pickle";
constexpr const char* kNoMemo = "refers to a memo entry that it has not made";
constexpr const char* kNoNumber = "has a memo entry whose number is none";
constexpr const char* kCrosses = "has a frame that ends within an opcode";

// --- the table -------------------------------------------------------------------------------

struct Row {
  int code;
  const char* name;
  Argument argument;
  int size;
  Effect effect;
  int pops;
};

// By the pages of pickle's protocols: PEP 307, 3154, 574 and the comments of Lib/pickletools.py.
std::vector<Row> documented() {
  using A = Argument;
  using E = Effect;
  return {
      {'(', "MARK", A::none, 0, E::mark, 0},
      {'.', "STOP", A::none, 0, E::stop, 0},
      {'0', "POP", A::none, 0, E::pop, 0},
      {'1', "POP_MARK", A::none, 0, E::pop_mark, 0},
      {'2', "DUP", A::none, 0, E::dup, 0},
      {'F', "FLOAT", A::line, 0, E::push, 0},
      {'I', "INT", A::line, 0, E::push, 0},
      {'J', "BININT", A::fixed, 4, E::push, 0},
      {'K', "BININT1", A::fixed, 1, E::push, 0},
      {'L', "LONG", A::line, 0, E::push, 0},
      {'M', "BININT2", A::fixed, 2, E::push, 0},
      {'N', "NONE", A::none, 0, E::push, 0},
      {'P', "PERSID", A::line, 0, E::push, 0},
      {'Q', "BINPERSID", A::none, 0, E::make, 1},
      {'R', "REDUCE", A::none, 0, E::reduce, 2},
      {'S', "STRING", A::line, 0, E::push_line, 0},
      {'T', "BINSTRING", A::sized, 4, E::push_string, 0},
      {'U', "SHORT_BINSTRING", A::sized, 1, E::push_string, 0},
      {'V', "UNICODE", A::line, 0, E::push_line, 0},
      {'X', "BINUNICODE", A::sized, 4, E::push_text, 0},
      {'a', "APPEND", A::none, 0, E::drop, 1},
      {'b', "BUILD", A::none, 0, E::drop, 1},
      {'c', "GLOBAL", A::two_lines, 0, E::global, 0},
      {'d', "DICT", A::none, 0, E::make_to_mark, 0},
      {'}', "EMPTY_DICT", A::none, 0, E::push, 0},
      {'e', "APPENDS", A::none, 0, E::drop_to_mark, 0},
      {'g', "GET", A::decimal, 0, E::get, 0},
      {'h', "BINGET", A::number, 1, E::get, 0},
      {'i', "INST", A::two_lines, 0, E::instance, 0},
      {'j', "LONG_BINGET", A::number, 4, E::get, 0},
      {'l', "LIST", A::none, 0, E::make_to_mark, 0},
      {']', "EMPTY_LIST", A::none, 0, E::push, 0},
      {'o', "OBJ", A::none, 0, E::make_to_mark, 0},
      {'p', "PUT", A::decimal, 0, E::put, 0},
      {'q', "BINPUT", A::number, 1, E::put, 0},
      {'r', "LONG_BINPUT", A::number, 4, E::put, 0},
      {'s', "SETITEM", A::none, 0, E::drop, 2},
      {'t', "TUPLE", A::none, 0, E::tuple_to_mark, 0},
      {')', "EMPTY_TUPLE", A::none, 0, E::tuple, 0},
      {'u', "SETITEMS", A::none, 0, E::drop_to_mark, 0},
      {'G', "BINFLOAT", A::fixed, 8, E::push, 0},
      {0x80, "PROTO", A::number, 1, E::protocol, 0},
      {0x81, "NEWOBJ", A::none, 0, E::new_object, 2},
      {0x82, "EXT1", A::number, 1, E::extension, 0},
      {0x83, "EXT2", A::number, 2, E::extension, 0},
      {0x84, "EXT4", A::number, 4, E::extension, 0},
      {0x85, "TUPLE1", A::none, 0, E::tuple, 1},
      {0x86, "TUPLE2", A::none, 0, E::tuple, 2},
      {0x87, "TUPLE3", A::none, 0, E::tuple, 3},
      {0x88, "NEWTRUE", A::none, 0, E::push, 0},
      {0x89, "NEWFALSE", A::none, 0, E::push, 0},
      {0x8A, "LONG1", A::sized, 1, E::push, 0},
      {0x8B, "LONG4", A::sized, 4, E::push, 0},
      {'B', "BINBYTES", A::sized, 4, E::push, 0},
      {'C', "SHORT_BINBYTES", A::sized, 1, E::push, 0},
      {0x8C, "SHORT_BINUNICODE", A::sized, 1, E::push_text, 0},
      {0x8D, "BINUNICODE8", A::sized, 8, E::push_text, 0},
      {0x8E, "BINBYTES8", A::sized, 8, E::push, 0},
      {0x8F, "EMPTY_SET", A::none, 0, E::push, 0},
      {0x90, "ADDITEMS", A::none, 0, E::drop_to_mark, 0},
      {0x91, "FROZENSET", A::none, 0, E::make_to_mark, 0},
      {0x92, "NEWOBJ_EX", A::none, 0, E::new_object_ex, 3},
      {0x93, "STACK_GLOBAL", A::none, 0, E::stack_global, 0},
      {0x94, "MEMOIZE", A::none, 0, E::memoize, 0},
      {0x95, "FRAME", A::number, 8, E::frame, 0},
      {0x96, "BYTEARRAY8", A::sized, 8, E::push, 0},
      {0x97, "NEXT_BUFFER", A::none, 0, E::push, 0},
      {0x98, "READONLY_BUFFER", A::none, 0, E::make, 1},
  };
}

TEST(PickleOpcodes, AreThoseOfTheDocumentedProtocols) {
  ASSERT_EQ(documented().size(), 68U);
  std::vector<bool> known(256, false);
  for (const Row& row : documented()) {
    const Opcode& opcode = kOpcodes[static_cast<std::size_t>(row.code)];
    EXPECT_FALSE(known[static_cast<std::size_t>(row.code)]) << row.name << " twice";
    known[static_cast<std::size_t>(row.code)] = true;
    EXPECT_EQ(opcode.argument, row.argument) << row.name;
    EXPECT_EQ(opcode.size, row.size) << row.name;
    EXPECT_EQ(opcode.effect, row.effect) << row.name;
    EXPECT_EQ(opcode.pops, row.pops) << row.name;
  }
  for (std::size_t code = 0; code < 256; ++code) {
    if (known[code]) continue;
    EXPECT_EQ(kOpcodes[code].effect, Effect::invalid) << code;
    EXPECT_EQ(kOpcodes[code].argument, Argument::none) << code;
    EXPECT_EQ(fault(std::string(1, static_cast<char>(code))),
              "holds a byte that is no opcode: it is no pickle, or a broken one")
        << code;
  }
}

// An argument for an opcode, as short as it may be.
std::string shortest_argument(const Opcode& opcode) {
  switch (opcode.argument) {
    case Argument::none:
      return "";
    case Argument::fixed:
    case Argument::number:
    case Argument::sized:
      return std::string(opcode.size, '\0');
    case Argument::line:
      return "''\n";
    case Argument::two_lines:
      return "a\nb\n";
    case Argument::decimal:
      return "0\n";
  }
  return "";
}

// What a stream calls: how, which of its globals (from 1 on), and with how many arguments.
Names calls(std::string_view stream) {
  Collector collector;
  Scanner scanner(collector, Source::pickler, Limits::none());
  scanner.feed(stream);
  EXPECT_EQ(scanner.fault(), nullptr);
  return collector.calls;
}

TEST(PickleCalls, AreToldWithTheNumberOfTheirArguments) {
  EXPECT_EQ(calls("cm\nf\n)R."sv), Names{"reduce 1(0)"});
  EXPECT_EQ(calls("cm\nf\n(tR."sv), Names{"reduce 1(0)"});
  EXPECT_EQ(calls("cm\nf\n(NNNNtR."sv), Names{"reduce 1(4)"});
  EXPECT_EQ(calls("cm\nf\nN\x85R."sv), Names{"reduce 1(1)"});
  EXPECT_EQ(calls("cm\nf\nNN\x86R."sv), Names{"reduce 1(2)"});
  EXPECT_EQ(calls("cm\nC\nNNN\x87\x81."sv), Names{"new 1(3)"});
  EXPECT_EQ(calls("cm\nC\nN\x85}\x92."sv), Names{"new_ex 1(1)"});
  // The class is the argument of a function, and called itself; both come from the memo too.
  EXPECT_EQ(calls("cm\nf\ncm\nC\nq\x00)q\x01\x81\x85R0h\x00h\x01R."sv),
            (Names{"new 2(0)", "reduce 1(1)", "reduce 2(0)"}));
}

TEST(PickleCalls, AreNotToldWhereTheyAreNotKnown) {
  EXPECT_EQ(calls("cm\nf\nNR."sv), Names{});  // its arguments are no tuple of the stream's
  EXPECT_EQ(calls("cm\nf\n)R)R."sv), Names{"reduce 1(0)"});  // what a call returns is called
  EXPECT_EQ(calls("cm\nf\n\x85."sv), Names{});
}

// Behind each opcode stands what it is to leave: "m n" named by STACK_GLOBAL proves that just so
// many bytes were read and so many values taken.
TEST(PickleOpcodes, TakeFromTheStackWhatIsDocumented) {
  const std::string names = text_of("m") + text_of("n");
  for (const Row& row : documented()) {
    const Opcode& opcode = kOpcodes[static_cast<std::size_t>(row.code)];
    if (opcode.effect == Effect::stop || opcode.effect == Effect::stack_global) continue;
    int taken = 0, left = 0;  // beyond the names
    bool mark = false;
    switch (opcode.effect) {
      case Effect::pop:
        taken = 1;
        break;
      case Effect::dup:
        taken = 1;
        left = 2;
        break;
      case Effect::drop:
        taken = opcode.pops + 1;
        left = 1;
        break;
      case Effect::make:
      case Effect::tuple:
      case Effect::reduce:
      case Effect::new_object:
      case Effect::new_object_ex:
        taken = opcode.pops;
        left = 1;
        break;
      case Effect::drop_to_mark:
        taken = 1;
        left = 1;
        mark = true;
        break;
      case Effect::make_to_mark:
      case Effect::tuple_to_mark:
      case Effect::instance:
        left = 1;
        mark = true;
        break;
      case Effect::pop_mark:
        mark = true;
        break;
      case Effect::mark:
      case Effect::push:
      case Effect::push_text:
      case Effect::push_string:
      case Effect::push_line:
      case Effect::global:
      case Effect::extension:
        left = 1;
        break;
      case Effect::put:
      case Effect::memoize:
        taken = left = 1;
        break;
      case Effect::get:
        left = 1;
        break;
      default:
        break;
    }
    std::string stream = "Np0\n0" + names + std::string(static_cast<std::size_t>(taken), 'N');
    if (mark) stream += "(NNN";
    stream.push_back(static_cast<char>(row.code));
    stream += shortest_argument(opcode);
    stream += std::string(static_cast<std::size_t>(left), '0');
    const std::string expected = "m n@" + std::to_string(stream.size());
    const Names found = globals(stream + "\x93.");
    ASSERT_FALSE(found.empty()) << row.name;
    EXPECT_EQ(found.back(), expected) << row.name;
    // With one value less there is none.
    if (taken > 0 && !mark) {
      const std::string less = "Np0\n0(" + std::string(static_cast<std::size_t>(taken) - 1, 'N') +
                               std::string(1, static_cast<char>(row.code)) +
                               shortest_argument(opcode);
      const std::string why = fault(less);
      if (opcode.effect == Effect::pop) {
        EXPECT_EQ(why, kMiddle) << "POP takes a mark";
      } else {
        EXPECT_EQ(why, kUnderflow) << row.name;
      }
    }
    if (mark) {
      EXPECT_EQ(fault("NN"s + static_cast<char>(row.code) + shortest_argument(opcode)), kNoMark)
          << row.name;
    }
  }
}

// --- streams of pickle's own -----------------------------------------------------------------

// [Fraction(1, 3), OrderedDict(a=(1, 2.5, None, 'é')), Fraction(2, 3), b'\x93\x94', {5}] in each.
constexpr std::string_view kReal[] = {
    "(lp0\ncfractions\nFraction\np1\n(I1\nI3\ntp2\nRp3\naccollections\nOrderedDict\np4\n("
    "tRp5\nVa\np6"
    "\n(I1\nF2.5\nNV\xe9\np7\ntp8\nsag1\n(I2\nI3\ntp9\nRp10\nac_codecs\nencode\np11\n(V\x93\x94\np1"
    "2\nVlatin1\np13\ntp14\nRp15\nac__builtin__\nset\np16\n((lp17\nI5\natp18\nRp19\na."sv,
    "]q\x00(cfractions\nFraction\nq\x01(K\x01K\x03tq\x02Rq\x03"
    "ccollections\nOrderedDict\nq\x04)Rq\x05X\x01\x00\x00\x00"
    "aq\x06(K\x01G@\x04\x00\x00\x00\x00\x00\x00NX\x02\x00\x00\x00\xc3\xa9q\x07tq\x08sh\x01("
    "K\x02K\x03"
    "tq\x09Rq\nc_codecs\nencode\nq\x0b("
    "X\x04\x00\x00\x00\xc2\x93\xc2\x94q\x0cX\x06\x00\x00\x00latin1"
    "q\x0dtq\x0eRq\x0f"
    "c__builtin__\nset\nq\x10(]q\x11K\x05"
    "atq\x12Rq\x13"
    "e."sv,
    "\x80\x02]q\x00(cfractions\nFraction\nq\x01K\x01K\x03\x86q\x02Rq\x03"
    "ccollections\nOrderedDict\nq\x04)Rq\x05X\x01\x00\x00\x00"
    "aq\x06(K\x01G@"
    "\x04\x00\x00\x00\x00\x00\x00NX\x02\x00\x00\x00\xc3\xa9q\x07tq\x08sh\x01K\x02K\x03"
    "\x86q\x09Rq\nc_"
    "codecs\nencode\nq\x0bX\x04\x00\x00\x00\xc2\x93\xc2\x94q\x0cX\x06\x00\x00\x00lati"
    "n1q\x0d\x86q\x0eRq\x0f"
    "c__builtin__\nset\nq\x10]q\x11K\x05"
    "a\x85q\x12Rq\x13"
    "e."sv,
    "\x80\x03]q\x00(cfractions\nFraction\nq\x01K\x01K\x03\x86q\x02Rq\x03"
    "ccollections\nOrderedDict\nq\x04)Rq\x05X\x01\x00\x00\x00"
    "aq\x06(K\x01G@"
    "\x04\x00\x00\x00\x00\x00\x00NX\x02\x00\x00\x00\xc3\xa9q\x07tq\x08sh\x01K\x02K\x03"
    "\x86q\x09Rq\nC\x02\x93\x94q\x0b"
    "cbuiltins\nset\nq\x0c]q\x0dK\x05"
    "a\x85q\x0eRq\x0f"
    "e."sv,
    "\x80\x04\x95u\x00\x00\x00\x00\x00\x00\x00]\x94(\x8c\x09"
    "fractions\x94\x8c\x08"
    "Fraction\x94\x93\x94K\x01K\x03\x86\x94R\x94\x8c\x0b"
    "collections\x94\x8c\x0bOrderedDict\x94\x93\x94)R\x94\x8c\x01"
    "a\x94(K\x01G@"
    "\x04\x00\x00\x00\x00\x00\x00N\x8c\x02\xc3\xa9\x94t\x94sh\x03K\x02K\x03\x86\x94R\x94"
    "C\x02\x93\x94\x94\x8f\x94(K\x05\x90"
    "e."sv,
    "\x80\x05\x95u\x00\x00\x00\x00\x00\x00\x00]\x94(\x8c\x09"
    "fractions\x94\x8c\x08"
    "Fraction\x94\x93\x94K\x01K\x03\x86\x94R\x94\x8c\x0b"
    "collections\x94\x8c\x0bOrderedDict\x94\x93\x94)R\x94\x8c\x01"
    "a\x94(K\x01G@"
    "\x04\x00\x00\x00\x00\x00\x00N\x8c\x02\xc3\xa9\x94t\x94sh\x03K\x02K\x03\x86\x94R\x94"
    "C\x02\x93\x94\x94\x8f\x94(K\x05\x90"
    "e."sv,
};

TEST(PickleScanner, ListsTheGlobalsOfAllProtocols) {
  const std::vector<Names> expected = {
      {"fractions Fraction@5", "collections OrderedDict@44", "_codecs encode@126",
       "__builtin__ set@178"},
      {"fractions Fraction@4", "collections OrderedDict@37", "_codecs encode@115",
       "__builtin__ set@164"},
      {"fractions Fraction@6", "collections OrderedDict@38", "_codecs encode@115",
       "__builtin__ set@163"},
      {"fractions Fraction@6", "collections OrderedDict@38", "builtins set@121"},
      {"fractions Fraction@37", "collections OrderedDict@75"},
      {"fractions Fraction@37", "collections OrderedDict@75"},
  };
  for (std::size_t protocol = 0; protocol < std::size(kReal); ++protocol) {
    for (const Source source : {Source::stranger, Source::pickler}) {
      const Outcome outcome = scan(kReal[protocol], source);
      EXPECT_EQ(outcome, (Outcome{expected[protocol], "", kReal[protocol].size(), 1})) << protocol;
    }
    Collector collector;
    Scanner scanner(collector, Source::pickler, Limits::none());
    scanner.scan(kReal[protocol]);
    EXPECT_EQ(collector.seen, expected[protocol]);
    EXPECT_EQ(scanner.fault(), nullptr);
    EXPECT_EQ(scanner.pickles(), 1U);
  }
}

TEST(PickleScanner, SaysOfEachCutStreamThatItsEndIsMissing) {
  for (const std::string_view stream : kReal) {
    const Names all = globals(stream);
    for (std::size_t size = 1; size < stream.size(); ++size) {
      const Outcome outcome = scan(stream.substr(0, size));
      EXPECT_EQ(outcome.fault, kMiddle) << size;
      EXPECT_LE(outcome.position, size);
      EXPECT_EQ(outcome.pickles, 0U);
      ASSERT_LE(outcome.globals.size(), all.size());
      EXPECT_TRUE(std::equal(outcome.globals.begin(), outcome.globals.end(), all.begin())) << size;
    }
  }
  EXPECT_EQ(fault(""), "is empty");
}

TEST(PickleScanner, SurvivesAnyChangedByte) {
  for (const std::string_view stream : kReal) {
    for (std::size_t at = 0; at < stream.size(); ++at) {
      for (const int change : {0x01, 0x20, 0x80, 0xFF}) {
        std::string changed(stream);
        changed[at] = static_cast<char>(changed[at] ^ change);
        const Outcome whole = scan_in_pieces(changed, changed.size());
        EXPECT_EQ(scan_in_pieces(changed, 1), whole);
        EXPECT_LE(whole.position, changed.size());
      }
    }
  }
}

TEST(PickleScanner, TellsTheOpcodeOfAGlobal) {
  Collector collector;
  Scanner scanner(collector, Source::stranger);
  scanner.feed("cm\nn\n(im\nn\n\x8c\x01m\x8c\x01n\x93\x82\x07.");
  EXPECT_EQ(collector.opcodes, (std::vector<std::uint8_t>{'c', 'i', 0x93, 0}));
  EXPECT_EQ(collector.seen.back(), "ext 7@18");
}

// --- several pickles -------------------------------------------------------------------------

const std::string kFirst = "\x80\x04" + text_of("m") + "\x94" + text_of("n") + "\x94\x93.";

TEST(PickleScanner, TakesEachPickleOfAStrangerByItself) {
  EXPECT_EQ(globals(kFirst + kFirst), (Names{"m n@10", "m n@22"}));
  EXPECT_EQ(scan(kFirst + kFirst).pickles, 2U);
  const Outcome second = scan(kFirst + "h\x00h\x01\x93."s);
  EXPECT_EQ(second.fault, kNoMemo);
  EXPECT_EQ(second.position, kFirst.size());
  EXPECT_EQ(second.pickles, 1U);
  // MEMOIZE counts anew.
  EXPECT_EQ(globals(kFirst + text_of("x") + "\x94" + text_of("y") + "\x94h\x00h\x01\x93."s).back(),
            "x y@" + std::to_string(kFirst.size() + 12));
}

TEST(PickleScanner, FollowsAPicklersMemoOverItsPickles) {
  const std::string second = kFirst + "h\x00h\x01\x93."s;
  EXPECT_EQ(globals(second, Source::pickler), (Names{"m n@10", "m n@16"}));
  const std::string third = second + text_of("x") + "\x94h\x02h\x00\x93."s;
  EXPECT_EQ(globals(third, Source::pickler).back(), "x m@" + std::to_string(third.size() - 2));
}

TEST(PickleScanner, DoesNotKnowWhatAPicklerMemoizedUnseen) {
  EXPECT_EQ(globals("h\x05h\x06\x93."s, Source::pickler), (Names{"computed@4"}));
  EXPECT_EQ(globals("\x8c\x01mp9\nh\x05\x93."s, Source::pickler), (Names{"computed@8"})) << "a gap";
}

TEST(PickleScanner, ForgetsTheMemoWithThePickler) {
  Collector collector;
  Scanner scanner(collector, Source::pickler);
  scanner.feed(kFirst);
  scanner.forget_memo();
  scanner.feed(text_of("x") + "\x94" + text_of("y") + "\x94h\x00h\x01\x93."s);
  EXPECT_EQ(collector.seen.back(), "x y@24");
  scanner.forget_memo();
  scanner.feed("h\x00h\x01\x93."s);
  EXPECT_EQ(collector.seen.back(), "computed@30");
  EXPECT_EQ(scanner.fault(), nullptr);
}

TEST(PickleScanner, ForgetsTheMemoInTheMiddleOfAPickle) {
  Collector collector;
  Scanner scanner(collector, Source::pickler);
  scanner.feed("(" + text_of("m") + "\x94" + text_of("n") + "\x94");
  scanner.forget_memo();
  scanner.feed("\x93" + text_of("o") + "\x94h\x00\x93."s);  // what is on the stack is still known
  EXPECT_EQ(collector.seen, (Names{"m n@9", "o o@16"}));
  EXPECT_EQ(scanner.fault(), nullptr);
}

TEST(PickleScanner, SaysWhatFollowsAPickle) {
  EXPECT_EQ(scan("N.garbage\n"), (Outcome{{}, kNoNumber, 2, 1}));
  EXPECT_EQ(scan("N.\x00"s).position, 2U);
  EXPECT_EQ(scan("N.N"), (Outcome{{}, kMiddle, 3, 1}));
  EXPECT_EQ(fault("."), kUnderflow);
  EXPECT_EQ(fault("(."), kUnderflow);
  EXPECT_EQ(fault("\x80\x05."), kUnderflow);
  EXPECT_EQ(fault("\x80\x06N."), "is of a protocol that is not known");
  EXPECT_EQ(globals("N\x80\x01(\x80\x03t0."), kNone) << "a protocol anywhere";
}

// --- the memo --------------------------------------------------------------------------------

TEST(PickleScanner, FollowsEveryWayIntoTheMemoAndOut) {
  const std::string ways_in[] = {"p7\n", "q\x07", "r\x07\x00\x00\x00"s, "p007\n"};
  const std::string ways_out[] = {"g7\n", "h\x07", "j\x07\x00\x00\x00"s, "g0000007\n"};
  for (const std::string& in : ways_in) {
    for (const std::string& out : ways_out) {
      const std::string stream = text_of("m") + in + "0" + out + text_of("n");
      EXPECT_EQ(globals(stream + "\x93."), (Names{"m n@" + std::to_string(stream.size())}));
    }
  }
}

TEST(PickleScanner, CountsMemoEntriesAsPythonDoes) {
  // Entries 5 and 100000, then MEMOIZE makes number 2.
  EXPECT_EQ(globals("\x8c\x01mp5\np100000\n0\x8c\x01n\x94h\x02h\x05\x93."), (Names{"n m@23"}));
  // Entry 1, and MEMOIZE is number 1 again, as there is one entry.
  EXPECT_EQ(globals("\x8c\x01mq\x01\x8c\x01n\x94h\x01h\x01\x93."), (Names{"n n@13"}));
  EXPECT_EQ(globals("\x8c\x01mq\x01\x8c\x01n\x94\x94h\x01h\x00\x93."s).back(), kNoMemo);
  // An entry that is written again does not count again.
  EXPECT_EQ(globals("\x8c\x01mq\x00q\x00q\x00\x8c\x01n\x94h\x01h\x00\x93."s), (Names{"n m@17"}));
  EXPECT_EQ(globals("\x8c\x01mp90000\np90000\n\x94\x8c\x01np90000\nh\x01g90000\n\x93."),
            (Names{"m n@37"}));
}

TEST(PickleScanner, FollowsAMemoWithGaps) {
  for (const std::uint64_t first : {1ULL, 64ULL, 65ULL, 1000ULL, 4000000ULL}) {
    const std::string one = std::to_string(first), two = std::to_string(first / 2);
    const std::string stream = text_of("m") + "p" + one + "\n0" + text_of("n") + "p" + two +
                               "\n0g" + one + "\ng" + two + "\n";
    const std::string names = first == 1 || first / 2 != first ? "m n@" : "n n@";
    EXPECT_EQ(globals(stream + "\x93."), (Names{names + std::to_string(stream.size())})) << first;
    EXPECT_EQ(fault(text_of("m") + "p" + one + "\ng" + two + "\n."), kNoMemo) << first;
  }
}

TEST(PickleScanner, TellsOfAMemoThatFillsTheMemory) {
  EXPECT_EQ(globals("Np4294967295\n."), (Names{"memo@1"}));
  EXPECT_EQ(globals("Nr\xff\xff\xff\x7f."s), (Names{"memo@1"}));
  EXPECT_EQ(globals("Np4294967295\n.", Source::pickler), Names{});
}

TEST(PickleScanner, TakesOnlyDigitsForAMemoEntry) {
  // Python's int() would take some of these.
  for (const char* number : {"", "+1", "-1", " 1", "1 ", "1_0", "0x1", "1L", "1.", "\t1", "1\r",
                             "a", "99999999999999999999", "18446744073709551616"}) {
    EXPECT_EQ(fault("Np1\np"s + number + "\n."), kNoNumber) << number;
    EXPECT_EQ(fault("Np1\ng"s + number + "\n."), kNoNumber) << number;
  }
  EXPECT_EQ(fault("Np1\ng1\x00\n."s), kNoNumber) << "int() would stop at NUL";
  // A number that is only long is no other number.
  EXPECT_EQ(globals("\x8c\x01mp0\n\x8c\x01np1\ng"s + std::string(30, '0') + "1\n\x93."),
            (Names{"n n@45"}));
  EXPECT_EQ(fault("Np1\ng"s + std::string(40, '0') + "1\n."), kNoNumber);
  EXPECT_EQ(fault("Np1\np"s + std::string(100, '1')), kNoNumber) << "without an end";
}

TEST(PickleScanner, OverwritesWhatWasMemoized) {
  for (const std::size_t entry : {0U, 100'000U}) {
    const std::string number = std::to_string(entry) + "\n";
    const std::string stream =
        text_of("m") + "p" + number + text_of("n") + "p" + number + "g" + number + "g" + number;
    EXPECT_EQ(globals(stream + "\x93."), (Names{"n n@" + std::to_string(stream.size())}));
  }
  EXPECT_EQ(globals(text_of("m") + "q\x00Nq\x00h\x00h\x00\x93."s), (Names{"computed@12"}));
}

// --- STACK_GLOBAL ----------------------------------------------------------------------------

TEST(PickleScanner, NamesWhatIsOnTheStack) {
  const std::string m = text_of("m"), n = text_of("n");
  auto named = [](const std::string& before, const std::string& names) {
    return globals(before + "\x93.") == Names{names + "@" + std::to_string(before.size())};
  };
  EXPECT_TRUE(named("X\x01\x00\x00\x00mX\x01\x00\x00\x00n"s, "m n"));
  EXPECT_TRUE(
      named("\x8d\x01\x00\x00\x00\x00\x00\x00\x00m\x8d\x01\x00\x00\x00\x00\x00\x00\x00n"s, "m n"));
  EXPECT_TRUE(named("U\x01mT\x01\x00\x00\x00n"s, "m n"));
  EXPECT_TRUE(named("Vm\nVn\n", "m n"));
  EXPECT_TRUE(named("S'm'\nS\"n\"\n", "m n"));
  EXPECT_TRUE(named(m + n + "N0", "m n"));
  EXPECT_TRUE(named(m + n + "(NN1", "m n"));
  EXPECT_TRUE(named(m + n + "(0", "m n"));
  EXPECT_TRUE(named(m + "2", "m m"));
  EXPECT_TRUE(named(m + n +
                        "220"
                        "0",
                    "m n"));
  EXPECT_TRUE(named("(" + m + n, "m n"));
  EXPECT_TRUE(named(m + n + "Nb", "m n")) << "BUILD with None changes nothing";
  EXPECT_TRUE(named(m + n + "(e", "m n")) << "nor does APPENDS of nothing";
  EXPECT_TRUE(named(m + "\x94\x94\x94" + n + "\x94h\x02h\x03", "m n"));
  EXPECT_TRUE(named("\x8c\x02\xc3\xa9" + n, "\xc3\xa9 n"));
  EXPECT_TRUE(named(text_of("") + n, " n"));
}

TEST(PickleScanner, SaysThatANameIsMadeOnlyWhenThePickleIsLoaded) {
  const std::string n = text_of("n");
  for (const std::string& made : {"N"s,
                                  "C\x01m"s,
                                  "K\x01"s,
                                  "Pid\n"s,
                                  n + "Q",
                                  "\x97"s,
                                  n + "\x98",
                                  n + n + "R",
                                  n + ")\x81",
                                  n + "\x85",
                                  "("s + n + "t",
                                  "(cm\nn\no"s,
                                  "cm\nn\n"s,
                                  "\x82\x01"s,
                                  "Vo\\u0073\n"s,
                                  "S'o\\x73'\n"s,
                                  "V\xe9\n"s,
                                  "S'\xe9'\n"s,
                                  "U\x02\xc3\xa9"s,
                                  "T\x02\x00\x00\x00\xc3\xa9"s,
                                  "X\x01\x04\x00\x00"s + std::string(1025, 'a'),
                                  "V" + std::string(2000, 'a') + "\n",
                                  text_of("two words"),
                                  text_of("a\nb"),
                                  "\x8c\x01\x00"s}) {
    for (const std::string& stream : {n + made, made + n}) {
      const Names found = globals(stream + "\x93.");
      ASSERT_FALSE(found.empty());
      EXPECT_EQ(found.back(), "computed@" + std::to_string(stream.size())) << stream;
    }
  }
}

TEST(PickleScanner, TakesNamesWhatTheyAreInEachPiece) {
  for (const char* name : {"a", "a.b", "<lambda>", "f.<locals>.C", "my-module", "Page[int, str]",
                           "\xe4\xb8\x80", "_x1"}) {
    const std::string stream = text_of(name) + "\x94h\x00"s;
    EXPECT_EQ(globals(stream + "\x93."),
              (Names{name + " "s + name + "@" + std::to_string(stream.size())}));
  }
  for (const char* text : {"a b", "a/b", "[a]", "a[b", "it's", "a\tb", "a=b"}) {
    const std::string stream = text_of(text) + "\x94h\x00"s;
    EXPECT_EQ(globals(stream + "\x93."), (Names{"computed@" + std::to_string(stream.size())}));
  }
}

TEST(PickleScanner, DoesNotLookBelowAMark) {
  const std::string m = text_of("m"), n = text_of("n");
  for (const std::string& stream : {""s, m, m + "(" + n, m + n + "(", "("s, m + n + "(0" + "0"}) {
    EXPECT_EQ(fault(stream + "\x93."), kUnderflow) << stream;
  }
  EXPECT_EQ(fault("2"), kUnderflow);
  EXPECT_EQ(fault("N(2"), kUnderflow);
  EXPECT_EQ(fault("N(\x94"), kUnderflow);
  EXPECT_EQ(fault("N(q\x01"), kUnderflow);
  EXPECT_EQ(fault("N(Nb"), kUnderflow);
  EXPECT_EQ(fault("(NNe"), kUnderflow);
  EXPECT_EQ(fault("NN(N\x86"), kUnderflow);
  EXPECT_EQ(fault("0"), kUnderflow);
  EXPECT_EQ(fault("N01"), kNoMark);
}

// --- GLOBAL, INST, EXT -----------------------------------------------------------------------

TEST(PickleScanner, ReadsTheLinesOfGlobalsAsTheyAre) {
  EXPECT_EQ(globals("cos\nsystem\n."), (Names{"os system@0"}));
  EXPECT_EQ(globals("c os\r\n\tsys tem \n."), (Names{" os\r \tsys tem @0"}));
  EXPECT_EQ(globals("c\n\n."), (Names{" @0"}));
  EXPECT_EQ(globals("co\x00s\n\xff\n."s), (Names{"o\x00s \xff@0"s}));
  EXPECT_EQ(globals("c\\x6fs\na\n."), (Names{"\\x6fs a@0"})) << "no escapes here";
  EXPECT_EQ(globals("(NNios\nsystem\n."), (Names{"os system@3"}));
  EXPECT_EQ(fault("NNios\nsystem\n."), kNoMark);
  EXPECT_EQ(fault("cos\n"), kMiddle);
  EXPECT_EQ(fault("cos\nsystem"), kMiddle);
}

TEST(PickleScanner, LimitsTheLinesOfGlobals) {
  const std::string most(1500, 'm'), rest(2048 - 1500 - 2, 'n');
  EXPECT_EQ(globals("c" + most + "\n" + rest + "\n."), (Names{most + " " + rest + "@0"}));
  EXPECT_EQ(fault("c" + most + "\n" + rest + "n\n."), "names a global of endless length");
  EXPECT_EQ(fault("(i" + std::string(5000, 'm')), "names a global of endless length");
}

TEST(PickleScanner, GivesTheCodesOfExtensions) {
  EXPECT_EQ(globals("(\x82\xf0\x83\xf0\x01\x84\xff\xff\xff\xff."),
            (Names{"ext 240@1", "ext 496@3", "ext 4294967295@6"}));
}

// --- frames ----------------------------------------------------------------------------------

TEST(PickleScanner, FollowsFramesThatTellTheTruth) {
  EXPECT_EQ(globals("\x80\x04" + frame("cm\nn\n.")), (Names{"m n@11"}));
  EXPECT_EQ(globals("\x80\x04" + frame("(cm\nn\n") +
                    "B\x03\x00\x00\x00"
                    "abc"s +
                    frame("t.")),
            (Names{"m n@12"}));
  EXPECT_EQ(globals(frame("") + frame("N") + "0N."), kNone);
  const std::string long_line = "(V" + std::string(3000, 'a') + "\n0N.";
  EXPECT_EQ(globals(frame(long_line)), kNone);
}

// Who reads a file throws away what is left of a frame when it has to read on, who reads from
// memory does not: the stream has two meanings.
TEST(PickleScanner, RefusesFramesThatDoNot) {
  const std::string body = "M\x01\x02Vabc\ncm\nn\n\x8c\x03xyzp12\n\x94N0"s;
  for (std::size_t size = 0; size <= body.size(); ++size) {
    const std::string stream = frame(body.substr(0, size)) + body.substr(size) + ".";
    const bool between =
        size == 0 || size == 3 || size == 8 || size == 13 || size == 18 || size == 22 || size >= 23;
    EXPECT_EQ(fault(stream), between ? "" : kCrosses) << size;
  }
  const std::string hidden = "K0cos\nsystem\n.";
  EXPECT_EQ(fault(frame("M\x00"s) + "\x00"s + "C" + little_endian(hidden.size(), 1) + hidden + "."),
            kCrosses);
  EXPECT_EQ(fault(frame("B\x09\x00\x00\x00"
                        "ab"s) +
                  "cdefghi."),
            kCrosses);
  EXPECT_EQ(fault(frame("V" + std::string(2000, 'a')) + "\n."), kCrosses);
  EXPECT_EQ(fault(frame("I")), kMiddle) << "the line is still to come";
  EXPECT_EQ(fault(frame("I") + "1\n."), kCrosses);
  EXPECT_EQ(scan(frame("c") + "os\nsystem\n."), (Outcome{{}, kCrosses, 9, 0})) << "names nothing";
  EXPECT_EQ(scan(frame("\x84\x01") + "\x01\x01\x01."), (Outcome{{}, kCrosses, 9, 0}));
  EXPECT_EQ(fault(frame(frame("N.") + "N")), "has a frame within a frame");
  EXPECT_EQ(fault(frame("N.N")), "ends before its frame does");
  EXPECT_EQ(fault("\x95" + little_endian(5, 8) + "N."), "ends before its frame does");
  EXPECT_EQ(fault("\x95" + little_endian(1ULL << 63, 8) + "N."), "claims a negative length");
  EXPECT_EQ(fault("\x95\x01\x02"), kMiddle);
}

// --- lengths and limits ----------------------------------------------------------------------

TEST(PickleScanner, BelievesNoLength) {
  for (const std::string& head :
       {"B\xff\xff\xff\xff"s, "T\xff\xff\xff\xff"s, "X\xff\xff\xff\xff"s, "\x8b\xff\xff\xff\x7f"s,
        "\x8e\xff\xff\xff\xff\xff\xff\xff\x7f"s, "\x8d\xff\xff\xff\xff\xff\xff\xff\x7f"s,
        "\x96\xff\xff\xff\xff\xff\xff\xff\x7f"s}) {
    EXPECT_EQ(fault(head), kMiddle);
    const std::size_t size = head.size() + 12;
    EXPECT_EQ(scan(head + "cos\nsystem\n."),
              (Outcome{{"length@" + std::to_string(size - 1)}, kMiddle, size, 0}));
  }
  EXPECT_EQ(scan("B\xff\xff\xff\x01 "), (Outcome{{}, kMiddle, 6, 0}));  // 32 MiB do no harm
  for (const char code : {'\x8e', '\x8d', '\x96'}) {
    EXPECT_EQ(fault(std::string(1, code) + little_endian(1ULL << 63, 8)),
              "claims a negative length");
  }
}

TEST(PickleScanner, LimitsTheStack) {
  const char* why = "holds more values at once than can be followed";
  const Limits limits{100, 100, 100};
  for (const std::string& one : {"("s, "N"s, "I1\n"s,
                                 "\x8c\x01"
                                 "a"s,
                                 "cm\nn\n"s}) {
    std::string endless = "N";
    for (int i = 0; i < 1000; ++i) endless += one;
    const Outcome outcome = scan_in_pieces(endless, 7, Source::stranger, limits);
    EXPECT_EQ(outcome.fault, why);
    EXPECT_EQ(outcome.position, 1 + 99 * one.size());
  }
  std::string balanced;
  for (int i = 0; i < 1000; ++i) {
    balanced +=
        "((NN1"
        "0";
  }
  EXPECT_EQ(scan_in_pieces(balanced + "N.", 7, Source::stranger, limits).fault, "");
}

TEST(PickleScanner, LimitsTheMemo) {
  const char* why = "has more memo entries than can be followed";
  const Limits limits{100, 100, 100};
  std::string dense = "N", sparse = "N", again = "N";
  for (int i = 0; i < 1000; ++i) {
    dense += "\x94";
    sparse += "p" + std::to_string(1000 * (i + 1)) + "\n";
    again += "p7\n";
  }
  EXPECT_EQ(scan_in_pieces(dense, 7, Source::stranger, limits).fault, why);
  EXPECT_EQ(scan_in_pieces(sparse, 7, Source::stranger, limits).fault, why);
  EXPECT_EQ(scan_in_pieces(again + ".", 7, Source::stranger, limits).fault, "");
}

TEST(PickleScanner, ForgetsTextsForWhichThereIsNoPlace) {
  const Limits limits{100, 10'000, 200};
  std::string stream;
  for (int i = 0; i < 1000; ++i) {
    stream += text_of("name" + std::to_string(i)) +
              "\x94"
              "0";
  }
  // The first of them has been kept, the last has not.
  const Outcome first = scan_in_pieces(stream + "h\x00h\x00\x93."s, 7, Source::stranger, limits);
  EXPECT_EQ(first.globals, (Names{"name0 name0@" + std::to_string(stream.size() + 4)}));
  EXPECT_EQ(first.fault, "");
  const Outcome last = scan_in_pieces(stream + "g999\n2\x93.", 7, Source::stranger, limits);
  EXPECT_EQ(last.globals, (Names{"computed@" + std::to_string(stream.size() + 6)}));
  // Texts without a byte take place, too.
  const Outcome none = scan_in_pieces(
      "Vm\np0\n0"
      "\x8c\x00p1\n0\x8c\x00p2\n0\x8c\x00p3\n0\x8c\x00p4\n0"
      "\x8c\x00p5\n0\x8c\x00p6\n0\x8c\x00p7\n0g7\ng0\n\x93."s,
      1, Source::stranger, limits);
  EXPECT_EQ(none.globals.size(), 1U);
  EXPECT_EQ(none.globals[0].substr(0, 8), "computed");
}

TEST(PickleScanner, SkipsEndlessLinesAndTexts) {
  for (const char code : {'I', 'L', 'F', 'P', 'V', 'S'}) {
    Collector collector;
    Scanner scanner(collector, Source::stranger);
    scanner.feed(std::string(1, code));
    const std::string block(100'000, '1');
    for (int i = 0; i < 100; ++i) scanner.feed(block);
    EXPECT_EQ(scanner.fault(), nullptr);
    EXPECT_EQ(scanner.position(), 10'000'001U);
    scanner.feed("\n0cm\nn\n.");
    scanner.finish();
    EXPECT_EQ(scanner.fault(), nullptr);
    EXPECT_EQ(collector.seen, (Names{"m n@10000003"}));
  }
}

// BUILD on a class would set attributes of the class, for all of the process.
TEST(PickleScanner, TellsWhereAClassItselfIsChanged) {
  for (const char* change : {"}b", "Na", "NNs", "(NNu", "(Ne", "(N\x90"}) {
    const std::string stream = std::string("cm\nn\n") + change + ".";
    EXPECT_EQ(globals(stream), (Names{"m n@0", "changed@" + std::to_string(stream.size() - 2)}));
    EXPECT_EQ(globals(stream, Source::pickler), (Names{"m n@0"})) << "pickle's own are as they are";
  }
  EXPECT_EQ(globals("cm\nn\nq\x00Nh\x00}b."s).back(), "changed@11") << "out of the memo";
  EXPECT_EQ(globals("cm\nn\n2}b."s).back(), "changed@7") << "a second time";
  EXPECT_EQ(globals("\x82\x05}b."s).back(), "changed@3") << "an extension's";
  EXPECT_EQ(globals("cm\nn\n)\x81}b."s), (Names{"m n@0"})) << "an instance";
  EXPECT_EQ(globals("cm\nn\n)R}b."s), (Names{"m n@0"}));
  EXPECT_EQ(globals("(im\nn\n}b."s), (Names{"m n@1"}));
  EXPECT_EQ(globals("]cm\nn\na."s), (Names{"m n@1"})) << "a list with a class in it";
}

// Many small pickles behind one with a large memo: none of them may pay for it again.
TEST(PickleScanner, TakesTimeForEachBytesAlone) {
  std::string stream;
  for (int i = 0; i < 50'000; ++i) stream += "Np" + std::to_string(1000 * (i + 1)) + "\n0";
  stream += "N.";
  for (int i = 0; i < 200'000; ++i) stream += "N.";
  const Outcome outcome = scan_in_pieces(stream, 1 << 16);
  EXPECT_EQ(outcome.fault, "");
  EXPECT_EQ(outcome.pickles, 200'001U);
}

TEST(PickleScanner, SaysNothingMoreAfterAFault) {
  Collector collector;
  Scanner scanner(collector, Source::stranger);
  scanner.feed("cm\nn\n0.");
  ASSERT_STREQ(scanner.fault(), kUnderflow);
  scanner.feed("cm\nn\n.");
  scanner.finish();
  EXPECT_STREQ(scanner.fault(), kUnderflow);
  EXPECT_EQ(scanner.position(), 6U);
  EXPECT_EQ(collector.seen.size(), 1U);
}

}  // namespace
}  // namespace brine::pickle
