// Errors: one base class and a few kinds. Every message names the operation, the values and a
// way out, in one line. The library throws these and nothing else; it never prints or exits.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

namespace tilewright {

class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A value given by the caller is wrong: a size, a name, a shape, a number.
class InvalidArgument : public Error {
 public:
  using Error::Error;
};

/// No plan fits the budget. `smallest_bytes` is a budget for which the same call succeeds.
class BudgetTooSmall : public Error {
 public:
  BudgetTooSmall(const std::string& message, std::int64_t smallest_bytes)
      : Error(message), smallest_bytes(smallest_bytes) {}
  std::int64_t smallest_bytes;
};

/// The request is meaningful, but this build or this device cannot do it.
class Unsupported : public Error {
 public:
  using Error::Error;
};

/// A device failed or refused memory it had promised.
class DeviceError : public Error {
 public:
  using Error::Error;
};

/// A file or another store cannot be opened, read or written.
class StoreError : public Error {
 public:
  using Error::Error;
};

/// The work was cancelled by the caller.
class Interrupted : public Error {
 public:
  using Error::Error;
};

/// A broken invariant of the library itself: please report it.
class InternalError : public Error {
 public:
  using Error::Error;
};

}  // namespace tilewright
