// Told remembers what dumps have failed at, so that the next one that fails at the same place is
// recognised without a walk.
#pragma once

#include <cstddef>
#include <memory>
#include <unordered_map>
#include <vector>

#include "cpython/ref.hpp"
#include "pickle/scope.hpp"
#include "pickle/tracer.hpp"

namespace brine::pickle {

/// The findings of one interpreter that have been described, by what they are about. The pointers
/// to Python's types are compared and never followed.
class Told {
 public:
  /// Returns the finding of an earlier dump that failed with an exception of the same class, if the
  /// same way leads to the same kind of culprit in `root`; null: none is known. Runs no code of the
  /// application's.
  std::shared_ptr<const Finding> recognise(cpython::GilLock& gil, PyObject* root,
                                           PyObject* error_type);

  /// Returns the finding about a culprit of the same kind, held by the same class in the same way,
  /// wherever that was; null: none is known.
  std::shared_ptr<const Finding> recognise(PyObject* root, PyObject* error_type,
                                           const Trace& trace) const;

  /// Remembers the finding about what a dump has failed at.
  void remember(const cpython::GilLock& gil, PyObject* root, PyObject* error_type, Trace trace,
                std::shared_ptr<const Finding> finding);

  void clear() noexcept {
    by_root_.clear();
    by_kind_.clear();
  }

  static constexpr std::size_t kMostRoots = 4096;
  static constexpr std::size_t kMostOfRoot = 8;
  static constexpr std::size_t kMostKinds = 4096;

 private:
  // A kind says what tells one culprit from others.
  struct Kind {
    const void* error_type;
    const void* culprit_type;
    const void* identity;  // of a class or a function's code, else null
    const void* holder;    // the owner's type, or where there is none the root's
    bool operator==(const Kind&) const = default;
  };
  struct KindHash {
    std::size_t operator()(const Kind& kind) const noexcept;
  };
  struct ByWay {
    Kind kind;
    std::vector<PathStep> steps;
    std::shared_ptr<const Finding> finding;
  };
  struct ByLastStep {
    PathStep step;
    std::shared_ptr<const Finding> finding;
  };

  static Kind kind_of(PyObject* root, PyObject* error_type, const Trace& trace) noexcept;
  static bool leads_back(cpython::GilLock& gil, const ByWay& entry, PyObject* root);

  std::unordered_map<const void*, std::vector<ByWay>> by_root_;  // by the root's type
  std::unordered_map<Kind, std::vector<ByLastStep>, KindHash> by_kind_;
};

}  // namespace brine::pickle
