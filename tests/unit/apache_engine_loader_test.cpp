#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "engine/engine_loader.hpp"

namespace brine::engine {
namespace {

TEST(EngineLoader, KnowsEnginesByTheirNames) {
  std::string folder = (std::filesystem::temp_directory_path() / "brine-engines-XXXXXX").string();
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  for (const char* name : {"/brine_engine.cpython-311.so", "/brine_engine.cpython-3.so",
                           "/brine_engine.cpython-31x.so", "/brine_engine.cpython-3t.so",
                           "/brine_engine.cpython-313tt.so", "/mod_brine.so"}) {
    std::ofstream(folder + name) << "";
  }
  EXPECT_EQ(engine_path(folder, "3.11"), folder + "/brine_engine.cpython-311.so");
  EXPECT_EQ(available_versions({folder, folder, "/no/such/folder"}),
            std::vector<std::string>{"3.11"});
  std::ofstream(folder + "/brine_engine.cpython-313t.so") << "";
  EXPECT_EQ(engine_path(folder, "3.13t"), folder + "/brine_engine.cpython-313t.so");
  std::vector<std::string> both = available_versions({folder});
  std::sort(both.begin(), both.end());
  EXPECT_EQ(both, (std::vector<std::string>{"3.11", "3.13t"}));
  std::filesystem::remove_all(folder);
}

TEST(EngineLoader, ExplainsWhatIsMissing) {
  EXPECT_EQ(find_engine("9.99"), "");
  const std::string text = explain_missing("9.99");
  EXPECT_TRUE(text.starts_with("BRINE0001: no engine for Python 9.99")) << text;
  EXPECT_NE(text.find("/brine_engine.cpython-999.so"), std::string::npos) << text;
}

TEST(EngineLoader, LooksBesideItselfAndThenWhereTheBuildInstalls) {
  const std::vector<std::string> folders = engine_directories();
  ASSERT_EQ(folders.size(), 2u);
  const auto itself = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  EXPECT_TRUE(std::filesystem::equivalent(folders.front(), itself)) << folders.front();
  EXPECT_TRUE(folders.back().ends_with("/brine")) << folders.back();
  const std::string text = explain_missing("9.99");
  for (const std::string& folder : folders) {
    EXPECT_NE(text.find(folder + "/brine_engine.cpython-999.so"), std::string::npos) << text;
  }
}

class Records final : public base::LogSink {
 public:
  void log(base::Level, std::string_view text) noexcept override { text_.append(text); }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

TEST(EngineLoader, RefusesWhatIsNoEngine) {
  Records records;
  EXPECT_EQ(start_engine("/no/such/engine.so", "/its/name.so", Config(), records), nullptr);
  EXPECT_TRUE(records.text().starts_with("BRINE0002: the engine /its/name.so ")) << records.text();
}

}  // namespace
}  // namespace brine::engine
