#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#include "base/script_file.hpp"

namespace brine::base {
namespace {

namespace fs = std::filesystem;

// A folder with a script in it: both are the user's, and nobody else may write them.
class ScriptFileTest : public testing::Test {
 protected:
  ScriptFileTest() {
    char name[] = "/tmp/brine-script-file-XXXXXX";
    root_ = ::mkdtemp(name);
    folder_ = root_ + "/folder";
    fs::create_directory(folder_);
    script_ = folder_ + "/app.wsgi";
    std::ofstream(script_) << "text";
    ::chmod(root_.c_str(), 0755);
    ::chmod(folder_.c_str(), 0755);
    ::chmod(script_.c_str(), 0644);
  }
  ~ScriptFileTest() override { fs::remove_all(root_); }
  ScriptFileTest(const ScriptFileTest&) = delete;
  ScriptFileTest& operator=(const ScriptFileTest&) = delete;

  static ScriptFile open(const std::string& path, const std::string& root = {}) {
    return open_script(path, {::geteuid(), std::nullopt}, Opening::to_read, root);
  }

  std::string root_;
  std::string folder_;
  std::string script_;
};

std::string text_of(const ScriptFile& file) {
  char text[16];
  const ssize_t size = ::read(file.fd.get(), text, sizeof text);
  return {text, static_cast<std::size_t>(size < 0 ? 0 : size)};
}

TEST_F(ScriptFileTest, OpensWhatFits) {
  EXPECT_EQ(text_of(open(script_)), "text");
  EXPECT_EQ(text_of(open(folder_ + "//./../folder/app.wsgi")), "text");
  EXPECT_EQ(text_of(open_script(script_, {}, Opening::to_read)), "text");
}

TEST_F(ScriptFileTest, FollowsLinksOfEveryKind) {
  fs::create_symlink("app.wsgi", folder_ + "/relative");
  fs::create_symlink(folder_ + "/relative", folder_ + "/absolute");
  fs::create_symlink("folder", root_ + "/way");
  fs::create_symlink("../way/absolute", folder_ + "/up");
  for (const char* name : {"/relative", "/absolute", "/up"}) {
    EXPECT_EQ(text_of(open(folder_ + name)), "text") << name;
  }
  EXPECT_EQ(text_of(open(root_ + "/way/up")), "text");
}

TEST_F(ScriptFileTest, LinksDoNotLeadOutOfTheRoot) {
  fs::create_symlink("/app.wsgi", folder_ + "/inside");
  fs::create_symlink("../../../app.wsgi", folder_ + "/above");
  fs::create_symlink(script_, folder_ + "/outside");
  EXPECT_EQ(text_of(open("/inside", folder_)), "text");
  EXPECT_EQ(text_of(open("/above", folder_)), "text");
  EXPECT_EQ(open("/outside", folder_).error, ENOENT);
}

TEST_F(ScriptFileTest, EndsInALoopOfLinks) {
  fs::create_symlink("loop", folder_ + "/loop");
  EXPECT_EQ(open(folder_ + "/loop").error, ELOOP);
}

TEST_F(ScriptFileTest, TheFolderOfEachLinkIsJudged) {
  const std::string links = root_ + "/links";
  fs::create_directory(links);
  fs::create_symlink(script_, links + "/app");
  fs::create_symlink(links + "/app", folder_ + "/first");
  ASSERT_TRUE(open(folder_ + "/first").fd);
  ::chmod(links.c_str(), 0775);
  const ScriptFile file = open(folder_ + "/first");
  EXPECT_FALSE(file.fd);
  EXPECT_EQ(file.ownership, Ownership::writable);
  EXPECT_EQ(file.why, "'" + links + "' (mode 0775) can be written by others");
}

TEST_F(ScriptFileTest, WhoMayWriteIsNamed) {
  for (const std::string& path : {script_, folder_}) {
    const mode_t before = path == script_ ? 0644 : 0755;
    ::chmod(path.c_str(), before | 0020);
    EXPECT_EQ(open(path == script_ ? path : script_).ownership, Ownership::writable);
    ::chmod(path.c_str(), before);
  }
  ::chmod(root_.c_str(), 0777);
  EXPECT_EQ(open(script_).ownership, Ownership::writable);
  ::chmod(root_.c_str(), 01777);
  EXPECT_EQ(open(script_).ownership, Ownership::fits);
}

TEST_F(ScriptFileTest, SomebodyElsesIsRefused) {
  const ScriptFile file = open_script(script_, {::geteuid() + 1, std::nullopt}, Opening::to_judge);
  EXPECT_FALSE(file.fd);
  EXPECT_EQ(file.ownership, Ownership::other_owner);
  EXPECT_EQ(file.why.rfind("'" + script_ + "' is owned by user #", 0), 0U) << file.why;
}

TEST_F(ScriptFileTest, DoesNotWaitForAFifo) {
  const std::string fifo = folder_ + "/fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0644), 0);
  EXPECT_FALSE(open(fifo).fd);
  EXPECT_FALSE(open_script(fifo, {}, Opening::to_read).fd);
  EXPECT_FALSE(open(folder_).fd);
}

}  // namespace
}  // namespace brine::base
