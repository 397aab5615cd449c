#include "metrics/page.hpp"

#include "metrics/page_html.hpp"  // CMake makes it of page.html

namespace brine::metrics {

std::string_view status_page() noexcept { return kPageHtml; }

}  // namespace brine::metrics
