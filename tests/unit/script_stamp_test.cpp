// The stamp of a file, by whichever name it is looked at.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#include "base/stamp.hpp"

namespace brine::base {
namespace {

namespace fs = std::filesystem;

class StampOf : public testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(folder_ / "one");
    fs::create_directories(folder_ / "two");
    std::ofstream(folder_ / "one/app.wsgi") << "code";
    fs::create_hard_link(folder_ / "one/app.wsgi", folder_ / "two/app.wsgi");
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::optional<Stamp> look(const char* name) const { return stamp_of((folder_ / name).string()); }

  fs::path folder_ =
      fs::temp_directory_path() / ("brine-stamps-" + std::to_string(::getpid()) + "-" +
                                   testing::UnitTest::GetInstance()->current_test_info()->name());
};

TEST_F(StampOf, TellsHardLinksApartByTheirFolders) {
  ASSERT_TRUE(look("one/app.wsgi"));
  EXPECT_EQ(look("one/app.wsgi")->inode, look("two/app.wsgi")->inode);
  EXPECT_NE(look("one/app.wsgi"), look("two/app.wsgi"));
}

TEST_F(StampOf, IsThatOfTheRealFolderWhicheverPartOfThePathIsALink) {
  fs::create_directory_symlink("two", folder_ / "current");
  fs::create_symlink("../two/app.wsgi", folder_ / "one/link.wsgi");
  fs::create_symlink("link.wsgi", folder_ / "one/again.wsgi");
  for (const char* name : {"current/app.wsgi", "one/link.wsgi", "one/again.wsgi", "two/./app.wsgi",
                           "one/../current/app.wsgi"}) {
    EXPECT_EQ(look(name), look("two/app.wsgi")) << name;
  }
  fs::remove(folder_ / "current");
  fs::create_directory_symlink("one", folder_ / "current");
  EXPECT_EQ(look("current/app.wsgi"), look("one/app.wsgi")) << "it has been switched";
}

TEST_F(StampOf, ThereIsNoneOfWhatCannotBeSeen) {
  EXPECT_FALSE(look("one/none.wsgi"));
  EXPECT_FALSE(stamp_of(std::string(100'000, 'x')));
  EXPECT_TRUE(stamp_of("/etc/passwd"));
  EXPECT_NE(stamp_of("/")->folder_inode, 0U);
}

}  // namespace
}  // namespace brine::base
