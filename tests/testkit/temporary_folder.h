// A folder for what a test writes, removed with everything in it; tests leave nothing behind.
#pragma once

#include <unistd.h>

#include <filesystem>
#include <string>

namespace tilewright::testkit {

class TemporaryFolder {
 public:
  TemporaryFolder()
      : folder_(std::filesystem::temp_directory_path() /
                ("tilewright_testkit_" + std::to_string(getpid()))) {
    std::filesystem::create_directories(folder_);
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  std::string path(const std::string& name) const { return (folder_ / name).string(); }

 private:
  std::filesystem::path folder_;
};

}  // namespace tilewright::testkit
