#include "apache/request/sent_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string_view>

#include "apache/log.hpp"
#include "base/pool.hpp"

namespace brine::apache {

namespace {

// A file is read in pieces of this size if a filter looks into it.
constexpr std::size_t kPiece = 65536;

// The data of a bucket of kBucketType.
struct Shared {
  apr_bucket_refcount count;  // first, as the functions of shared buckets require
  SentFile* file;
};

apr_status_t read_bucket(apr_bucket* bucket, const char** data, apr_size_t* size,
                         apr_read_type_e /*block*/) noexcept;

void destroy_bucket(void* data) noexcept {
  if (apr_bucket_shared_destroy(data) != 0) {
    apr_bucket_free(data);
  }
}

// Setting aside needs no copy: the file lives as long as the client's request, and so longer than
// the response.
apr_status_t set_aside(apr_bucket* /*bucket*/, apr_pool_t* /*pool*/) noexcept {
  return APR_SUCCESS;
}

const apr_bucket_type_t kBucketType = {"WSGI FILE",
                                       5,
                                       apr_bucket_type_t::APR_BUCKET_DATA,
                                       destroy_bucket,
                                       read_bucket,
                                       set_aside,
                                       apr_bucket_shared_split,
                                       apr_bucket_shared_copy};

// Turns the bucket into the piece that was read, followed by a bucket of the rest. If the file has
// become shorter, an error bucket follows, since some filters ignore a read's error.
apr_status_t read_bucket(apr_bucket* bucket, const char** data, apr_size_t* size,
                         apr_read_type_e /*block*/) noexcept {
  auto* shared = static_cast<Shared*>(bucket->data);
  const std::size_t wanted = std::min<std::size_t>(bucket->length, kPiece);
  char* piece = static_cast<char*>(apr_bucket_alloc(wanted, bucket->list));
  const std::size_t read = shared->file->read(piece, wanted, bucket->start);
  apr_bucket* rest = nullptr;
  if (read < wanted) {
    rest = shared->file->broken_off_bucket(bucket->list);
    APR_BUCKET_INSERT_AFTER(bucket, rest);
    destroy_bucket(shared);
  } else if (wanted < bucket->length) {
    apr_bucket_shared_split(bucket, wanted);
    destroy_bucket(shared);  // releases the piece's reference of the two
  } else {
    destroy_bucket(shared);
  }
  apr_bucket_heap_make(bucket, piece, read, apr_bucket_free);
  *data = piece;
  *size = read;
  return APR_SUCCESS;
}

// Returns true if all filters do no more to a body than count its bytes. The file is then passed on
// as a file bucket of httpd's, which sends it by sendfile.
bool is_sent_as_it_is(const request_rec* r) {
  static constexpr std::array<std::string_view, 9> kOnlyCounting = {
      "byterange",         "content_length",    "http_header", "http_outerror",   "chunk",
      "fixup_headers_out", "fixup_headers_err", "mod_expires", "log_input_output"};
  for (const ap_filter_t* filter = r->output_filters; filter != nullptr; filter = filter->next) {
    const std::string_view name = filter->frec->name;
    const bool known =
        std::find(kOnlyCounting.begin(), kOnlyCounting.end(), name) != kOnlyCounting.end();
    if (!known && name != "core") {
      return false;
    }
  }
  return true;
}

}  // namespace

SentFile* SentFile::make(request_rec* r, int fd, std::int64_t offset, std::int64_t length) {
  while (r->main != nullptr) {
    r = r->main;
  }
  base::UniqueFd own(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
  return own ? base::pool_emplace<SentFile>(r->pool, r, std::move(own), offset, length) : nullptr;
}

// If httpd has sent the file itself, the size and the connection tell here how that went.
SentFile::~SentFile() {
  const std::int64_t size = size_now();
  if (!cut_ && (r_->connection->aborted == 0 || size >= end_)) {
    return;
  }
  std::array<char, 160> why{};
  if (error_ != 0) {
    std::snprintf(why.data(), why.size(), "could not be read any more (%s)", std::strerror(error_));
  } else {
    std::snprintf(
        why.data(), why.size(),
        "became shorter meanwhile: it has %lld bytes, and those up to %lld were to be sent",
        static_cast<long long>(size), static_cast<long long>(end_));
  }
  std::array<char, 280> text{};
  std::snprintf(text.data(), text.size(),
                "BRINE0413: a file that wsgi.file_wrapper sends %s; the response is cut",
                why.data());
  log(r_, base::Level::error, text.data());
}

bool SentFile::append_to(apr_bucket_brigade* brigade, const request_rec* sender,
                         bool enable_sendfile) {
  if (end_ == offset_) {
    return true;
  }
  if (!reaches_end()) {
    return false;
  }
  if (is_sent_as_it_is(sender)) {
    return append_httpds(brigade, sender, enable_sendfile);
  }
  apr_bucket_alloc_t* buckets = brigade->bucket_alloc;
  auto* shared = static_cast<Shared*>(apr_bucket_alloc(sizeof(Shared), buckets));
  shared->file = this;
  auto* bucket = static_cast<apr_bucket*>(apr_bucket_alloc(sizeof(apr_bucket), buckets));
  APR_BUCKET_INIT(bucket);
  bucket->free = apr_bucket_free;
  bucket->list = buckets;
  apr_bucket_shared_make(bucket, shared, offset_, static_cast<apr_size_t>(end_ - offset_));
  bucket->type = &kBucketType;
  APR_BRIGADE_INSERT_TAIL(brigade, bucket);
  return true;
}

// Appends the part as a file bucket. httpd itself notices if the file is too short, and closes the
// connection.
bool SentFile::append_httpds(apr_bucket_brigade* brigade, const request_rec* sender,
                             bool enable_sendfile) const {
  apr_file_t* borrowed = nullptr;
  apr_file_t* file = nullptr;
  apr_os_file_t descriptor = fd_.get();
  const apr_int32_t flags = APR_FOPEN_READ | (enable_sendfile ? APR_FOPEN_SENDFILE_ENABLED : 0);
  // The duplicated descriptor is closed with the pool, or with the pool that a filter moves it to.
  if (apr_os_file_put(&borrowed, &descriptor, flags, sender->pool) != APR_SUCCESS ||
      apr_file_dup(&file, borrowed, sender->pool) != APR_SUCCESS) {
    return false;
  }
  apr_bucket* first = apr_brigade_insert_file(brigade, file, offset_, end_ - offset_, sender->pool);
  apr_bucket_file_enable_mmap(first, 0);
  return true;
}

std::size_t SentFile::read(char* into, std::size_t size, std::int64_t offset) {
  std::size_t done = 0;
  while (done < size) {
    const ssize_t got =
        ::pread(fd_.get(), into + done, size - done, offset + static_cast<std::int64_t>(done));
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got <= 0) {
      error_ = got < 0 ? errno : 0;
      cut_ = true;
      mark_broken_off(r_);
      reset_if_only_that_tells(r_);
      break;
    }
    done += static_cast<std::size_t>(got);
  }
  return done;
}

// Returns true if the file is as long as was said, since a daemon process may say anything.
bool SentFile::reaches_end() {
  char last = 0;
  const ssize_t got = ::pread(fd_.get(), &last, 1, end_ - 1);
  cut_ = got != 1;
  error_ = got < 0 ? errno : 0;
  return !cut_;
}

std::int64_t SentFile::size_now() const {
  struct stat info = {};
  return ::fstat(fd_.get(), &info) == 0 ? info.st_size : 0;
}

}  // namespace brine::apache
