#include "wsgi/asker.hpp"

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>

#include "cpython/error.hpp"
#include "wsgi/answer.hpp"
#include "wsgi/interruption.hpp"
#include "wsgi/request_objects.hpp"
#include "wsgi/server_text.hpp"

namespace brine::wsgi {

using base::Level;
using cpython::borrow;
using cpython::check;
using cpython::ErrorSet;
using cpython::GilLock;
using cpython::Ref;
using cpython::steal;

namespace {

// More groups of a user than this come from a loop without end.
constexpr std::size_t kMostGroups = 100000;

// Thrown if a function returns a wrong object, or does not exist.
struct Nonsense {
  std::string function;
  std::string what;  // a clause that follows the function's name and the script's
};

std::string value_of_type(PyObject* object) {
  return std::string("returned a value of type ") + Py_TYPE(object)->tp_name;
}

Ref without_body(const GilLock& gil, PyObject* constants) {
  Ref own = steal(gil, PyDict_Copy(constants));
  for (const char* key : {"wsgi.input", "wsgi.input_terminated", "wsgi.file_wrapper"}) {
    check(gil, PyDict_DelItemString(own.get(), key));
  }
  return own;
}

Ref call_function(const GilLock& gil, PyObject* function, PyObject* environ,
                  const Question& question) {
  const Ref subject = to_str(gil, question.subject);
  const bool has_detail = question.call == Call::password || question.call == Call::realm_hash;
  const Ref detail = has_detail ? to_str(gil, question.detail) : Ref();
  return steal(
      gil, PyObject_CallFunctionObjArgs(function, environ, subject.get(), detail.get(), nullptr));
}

// Makes a frozenset of the wanted groups' names.
Ref wanted_groups(const GilLock& gil, std::string_view names) {
  Ref wanted = steal(gil, PySet_New(nullptr));
  while (!names.empty()) {
    const std::string_view name = names.substr(0, names.find('\n'));
    check(gil, PySet_Add(wanted.get(), to_str(gil, name).get()));
    names.remove_prefix(name.size() + 1);
  }
  return wanted;
}

// Returns one of the user's groups as str, or an empty Ref if it is no name.
Ref group_of(const GilLock& gil, PyObject* item) {
  if (PyUnicode_Check(item)) return borrow(gil, item);
  const std::optional<std::string> bytes = to_bytes(gil, item);
  return bytes ? to_str(gil, *bytes) : Ref();
}

// Returns whether one of the groups is wanted. Looks at all of them, so that a wrong one is found
// whatever precedes it.
Verdict is_member(const GilLock& gil, PyObject* groups, std::string_view names) {
  const Nonsense no_groups{"", value_of_type(groups)};
  if (PyUnicode_Check(groups) || PyBytes_Check(groups)) throw no_groups;
  PyObject* iterator = PyObject_GetIter(groups);
  if (iterator == nullptr && PyErr_ExceptionMatches(PyExc_TypeError) != 0) {
    PyErr_Clear();
    throw no_groups;
  }
  const Ref iterable = steal(gil, iterator);
  const Ref wanted = wanted_groups(gil, names);
  Verdict verdict = Verdict::no;
  for (std::size_t count = 0; PyObject* next = PyIter_Next(iterable.get()); ++count) {
    const Ref item = steal(gil, next);
    const Ref group = group_of(gil, item.get());
    if (!group) throw Nonsense{"", value_of_type(item.get()) + " among the groups"};
    if (count == kMostGroups) throw Nonsense{"", "returned more than 100000 groups"};
    const int found = PySet_Contains(wanted.get(), group.get());
    check(gil, found);
    if (found != 0) verdict = Verdict::yes;
  }
  if (PyErr_Occurred() != nullptr) throw ErrorSet{};
  return verdict;
}

// Makes an answer of a text; `call` decides which objects are texts.
Answer text_answer(const GilLock& gil, PyObject* result, Call call) {
  if (call == Call::password && PyBytes_Check(result)) throw Nonsense{"", value_of_type(result)};
  std::optional<std::string> text = to_bytes(gil, result);
  if (!text) throw Nonsense{"", value_of_type(result)};
  Answer answer;
  answer.verdict = Verdict::text;
  answer.texts[0] = std::move(text);
  return answer;
}

Answer answer_of(const GilLock& gil, PyObject* result, const Question& question) {
  Answer answer;
  if (question.call == Call::groups) {
    answer.verdict = is_member(gil, result, question.detail);
  } else if (result == Py_None) {
    answer.verdict = Verdict::none;
  } else if (PyBool_Check(result) && question.call != Call::realm_hash) {
    answer.verdict = result == Py_True ? Verdict::yes : Verdict::no;
  } else if (question.call == Call::access) {
    throw Nonsense{"", value_of_type(result)};
  } else {
    answer = text_answer(gil, result, question.call);
  }
  if (const std::string wrong = wrong_answer(question.call, answer); !wrong.empty()) {
    throw Nonsense{"", "returned " + wrong};
  }
  return answer;
}

// Returns what one function of a route says, or nothing if it says nothing.
std::optional<std::string> part_of_route(const GilLock& gil, PyObject* function, PyObject* environ,
                                         std::size_t part) {
  const Ref result = steal(gil, PyObject_CallOneArg(function, environ));
  if (result.get() == Py_None) return std::nullopt;
  std::optional<std::string> text = to_bytes(gil, result.get());
  if (!text) throw Nonsense{kPartNames[part], value_of_type(result.get())};
  if (const std::string wrong = wrong_part(static_cast<Part>(part), *text); !wrong.empty()) {
    throw Nonsense{kPartNames[part], "returned " + wrong};
  }
  return text;
}

Answer ask_route(const GilLock& gil, PyObject* module, PyObject* environ) {
  Answer answer;
  answer.verdict = Verdict::text;
  bool any = false;
  for (std::size_t part = 0; part < kParts; ++part) {
    const Ref function =
        borrow(gil, PyDict_GetItemString(PyModule_GetDict(module), kPartNames[part]));
    if (!function) continue;
    any = true;
    if (PyCallable_Check(function.get()) == 0) {
      throw Nonsense{kPartNames[part],
                     std::string("is of type ") + Py_TYPE(function.get())->tp_name};
    }
    answer.texts[part] = part_of_route(gil, function.get(), environ, part);
  }
  // A file that is being rewritten in place may hold no more yet.
  if (!any) throw Nonsense{kPartNames[0], "is not there, nor are the other functions of a route"};
  return answer;
}

std::string in_script(const Target& target) {
  return " of the script '" + std::string(target.script) + "' ";
}

}  // namespace

Asker::Asker(const GilLock& gil, PyObject* constants, ServerAccess& access, PyObject* adviser,
             PyObject* request_timeout)
    : environ_(gil, without_body(gil, constants).get()),
      access_(access),
      adviser_(borrow(gil, adviser)),
      request_timeout_(borrow(gil, request_timeout)) {}

Outcome Asker::ask(GilLock& gil, PyObject* module, PyObject* function, const Target& target,
                   Exchange& exchange) {
  const Question& question = target.question;
  try {
    RequestObjects objects(gil, exchange);
    const Interruptible interruptible(gil, exchange, true);
    const Ref environ = environ_.make(gil, exchange.request.head());
    access_.give(gil, environ.get(), exchange, objects);
    if (question.call == Call::route) {
      exchange.response.answer(ask_route(gil, module, environ.get()));
    } else {
      const Ref result = call_function(gil, function, environ.get(), question);
      exchange.response.answer(answer_of(gil, result.get(), question));
    }
    return Outcome::completed;
  } catch (const Nonsense& nonsense) {
    const std::string name =
        nonsense.function.empty() ? std::string(target.callable) : nonsense.function;
    exchange.request.log(Level::error, "BRINE0416: " + name + "()" + in_script(target) +
                                           nonsense.what +
                                           ", so the request is refused; it has "
                                           "to return " +
                                           std::string(wanted_answer(question.call)));
    return Outcome::failed_before_headers;
  } catch (const ErrorSet&) {
    return raised(gil, target, exchange);
  }
}

// Handles an exception that has left the function.
Outcome Asker::raised(const GilLock& gil, const Target& target, Exchange& exchange) const {
  const Interruptible not_now(gil, exchange, false);  // traceback's Python code is not the script's
  const bool interrupted =
      exchange.interrupted && cpython::error_comes_of(gil, request_timeout_.get());
  const cpython::ErrorText error = cpython::take_error(gil, adviser_.get());
  const std::string name =
      target.callable.empty() ? "a function" : std::string(target.callable) + "()";
  exchange.request.log(Level::error, "BRINE0415: " + name + in_script(target) + "raised " +
                                         error.summary + ", so the request is refused\n" +
                                         error.traceback);
  if (!error.advice.empty()) exchange.request.log(Level::error, error.advice);
  return interrupted ? Outcome::timed_out : Outcome::failed_before_headers;
}

}  // namespace brine::wsgi
