#include "apache/request/client_address.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "apache/config/settings.hpp"
#include "apache/guarded.hpp"
#include "apache/log.hpp"
#include "apache/request/forwarded.hpp"
#include "base/pool.hpp"
#include "base/quotes.hpp"
#include "wsgi/headers.hpp"

namespace brine::apache {

namespace {

constexpr const char* kFoundKey = "brine-client-address";

// The directives as they hold for a request, of httpd's configuration or of an .htaccess file.
struct Asked {
  TrustedHeaders headers;
  const TrustedProxies* proxies = nullptr;

  bool operator==(const Asked&) const = default;
  bool of_tenant() const { return headers.of_tenant || (proxies != nullptr && proxies->of_tenant); }
};

std::optional<Asked> asked(const request_rec* r) {
  const RequestSettings& settings = request_settings(r);
  if (!settings.trusted_proxy_headers.value) {
    return std::nullopt;
  }
  return Asked{*settings.trusted_proxy_headers.value,
               settings.trusted_proxies.value.value_or(nullptr)};
}

struct ClientAddress {
  apr_sockaddr_t* address;
  char* text;
};

// A client address that has been found for a request. It lives in the request's pool, which a
// request that an internal redirect makes of it shares.
struct Found {
  Asked by;
  ClientAddress before;  // as httpd, or mod_remoteip, had it
  ClientAddress now;
};

const Found* found_for(const request_rec* r) {
  for (; r != nullptr; r = r->main) {
    void* found = nullptr;
    apr_pool_userdata_get(&found, kFoundKey, r->pool);
    if (found != nullptr) {
      return static_cast<const Found*>(found);
    }
  }
  return nullptr;
}

ClientAddress address_before(const request_rec* r) {
  const Found* found = found_for(r);
  const bool ours = found != nullptr && found->now.address == r->useragent_addr;
  return ours ? found->before : ClientAddress{r->useragent_addr, r->useragent_ip};
}

// Returns nothing if the peer has no Internet address.
std::optional<Address> address_of(const apr_sockaddr_t* peer) {
  if (peer == nullptr || peer->ipaddr_ptr == nullptr || peer->ipaddr_len < 0) {
    return std::nullopt;
  }
  return address_of_bytes({static_cast<const std::uint8_t*>(peer->ipaddr_ptr),
                           static_cast<std::size_t>(peer->ipaddr_len)});
}

// Returns the fields as sent. httpd joins fields of one name, so a module may have added to one
// that the client sent.
ProxyFields sent_fields(request_rec* r) {
  ProxyFields sent;
  const apr_array_header_t* array = apr_table_elts(r->headers_in);
  const std::span<const apr_table_entry_t> entries(
      reinterpret_cast<const apr_table_entry_t*>(array->elts),
      static_cast<std::size_t>(array->nelts));
  for (const apr_table_entry_t& entry : entries) {
    const std::optional<ProxyHeader> header = proxy_header(entry.key);
    if (!header) {
      continue;
    }
    std::string_view& value = sent[*header];
    value = value.data() == nullptr
                ? std::string_view(entry.val)
                : std::string_view(apr_pstrcat(r->pool, value.data(), ", ", entry.val, nullptr));
  }
  return sent;
}

Forwarded forwarded(request_rec* r, const Asked& by, const ProxyFields& sent) {
  Trust trust;
  trust.believed = by.headers.fields;
  if (by.proxies != nullptr) {
    trust.proxies = by.proxies->networks;
  }
  const conn_rec* connection = r->connection;
  trust.client_is_known = address_before(r).address != connection->client_addr;
  const std::optional<Address> sender = address_of(connection->client_addr);
  if (!sender) {
    trust.proxies = {};
  }
  return read_forwarded(sender.value_or(Address{}), sent, trust);
}

// Returns true if a client other than the connection's peer has been found.
bool says_more(const request_rec* r, const Forwarded& said) {
  const std::optional<Address> sender = address_of(r->connection->client_addr);
  return sender && said.client != *sender;
}

ClientAddress to_httpd(request_rec* r, const Address& address) {
  const std::string text = text_of(address);
  ClientAddress result{};
  // The text is an address and the family is given, so no name is looked up.
  const int family = address.is_v4 ? APR_INET : APR_INET6;
  if (apr_sockaddr_info_get(&result.address, text.c_str(), family, r->connection->client_addr->port,
                            0, r->pool) != APR_SUCCESS) {
    throw std::runtime_error("APR does not take the client address " + text);
  }
  result.text = apr_pstrdup(r->pool, text.c_str());
  return result;
}

void set_client(request_rec* r, const ClientAddress& client) {
  if (r->useragent_addr != client.address) {
    r->useragent_addr = client.address;
    r->useragent_ip = client.text;
    r->useragent_host = nullptr;  // what was looked up for the other
  }
}

// A field's value for the log: whoever sent it may have made it long.
std::string shortened(std::string_view value) {
  constexpr std::size_t kMost = 200;
  return base::in_quotes(value.substr(0, kMost)) + (value.size() > kMost ? "..." : "");
}

int refuse_contradiction(request_rec* r, const Asked& by, const ProxyFields& sent) {
  std::string fields;
  for (const ProxyHeader header : {ProxyHeader::forwarded, ProxyHeader::x_forwarded_for,
                                   ProxyHeader::x_client_ip, ProxyHeader::x_real_ip}) {
    if (by.headers.fields.has(header) && sent[header].data() != nullptr) {
      fields.append(fields.empty() ? "" : ", ").append(name_of(header)).append(" ");
      fields.append(shortened(sent[header]));
    }
  }
  log(r, base::Level::error,
      "BRINE0121: the proxy " + std::string(r->connection->client_ip) +
          " passes fields on that name different clients: " + fields +
          "; let WSGITrustedProxyHeaders name the one that the proxy sets itself");
  return HTTP_BAD_REQUEST;
}

// Finds the client by the current settings: first those of the server, later those of the request's
// sections, once httpd has merged them.
int find_client(request_rec* r) {
  const std::optional<Asked> by = asked(r);
  if (!by || by->of_tenant()) {
    return DECLINED;
  }
  const Found* found = found_for(r);
  if (found != nullptr && found->by == *by && found->now.address == r->useragent_addr) {
    return DECLINED;
  }
  const ProxyFields sent = sent_fields(r);
  const Forwarded said = forwarded(r, *by, sent);
  if (said.contradicts) {
    return refuse_contradiction(r, *by, sent);
  }
  const ClientAddress before = address_before(r);
  const ClientAddress now = says_more(r, said) ? to_httpd(r, said.client) : before;
  set_client(r, now);
  apr_pool_userdata_setn(base::pool_emplace<Found>(r->pool, Found{*by, before, now}), kFoundKey,
                         nullptr, r->pool);
  return DECLINED;
}

void put(wsgi::Head& head, wsgi::Var var, std::string_view value) {
  if (!value.empty()) {
    head.vars[static_cast<std::size_t>(var)] = value;
  }
}

void set_host(std::vector<wsgi::Field>& fields, std::string_view host) {
  std::erase_if(fields,
                [](const wsgi::Field& field) { return wsgi::same_name(field.name, "Host"); });
  fields.push_back({"Host", host});
}

// Returns the proxy header of an environ key. mod_include and others put all fields of a request
// into httpd's environment, and internal redirects rename them there.
std::optional<ProxyHeader> header_of_key(std::string_view key) {
  constexpr std::string_view kRedirected = "REDIRECT_";
  constexpr std::string_view kField = "HTTP_";
  while (key.starts_with(kRedirected)) {
    key.remove_prefix(kRedirected.size());
  }
  if (!key.starts_with(kField)) {
    return std::nullopt;
  }
  std::string name(key.substr(kField.size()));
  std::replace(name.begin(), name.end(), '_', '-');
  return proxy_header(name);
}

std::span<const wsgi::Field> kept(apr_pool_t* pool, const std::vector<wsgi::Field>& fields) {
  auto* copy = static_cast<wsgi::Field*>(apr_palloc(pool, fields.size() * sizeof(wsgi::Field)));
  std::copy(fields.begin(), fields.end(), copy);
  return {copy, fields.size()};
}

std::vector<wsgi::Field> shown_fields(const wsgi::Head& head, const ProxyHeaders& believed,
                                      const Forwarded& said) {
  std::vector<wsgi::Field> fields;
  for (wsgi::Field field : head.headers) {
    const std::optional<ProxyHeader> header = proxy_header(field.name);
    if (header && believed.concern(*header)) {
      field.value = said.shown[*header];
    }
    if (field.value.data() != nullptr) {
      fields.push_back(field);
    }
  }
  if (!said.host.empty()) {
    set_host(fields, said.host);
  }
  return fields;
}

std::vector<wsgi::Field> shown_variables(const wsgi::Head& head, const ProxyHeaders& believed,
                                         const Forwarded& said) {
  std::vector<wsgi::Field> variables(head.extra.begin(), head.extra.end());
  std::erase_if(variables, [&](const wsgi::Field& variable) {
    const std::optional<ProxyHeader> header = header_of_key(variable.name);
    return header && believed.concern(*header);
  });
  if (said.mount) {
    variables.push_back({"mod_wsgi.mount_point", *said.mount});
  }
  return variables;
}

void report_misunderstood(request_rec* r, const ProxyFields& sent, ProxyHeader header) {
  log(r, base::Level::info,
      "BRINE0122: the proxy " + std::string(r->connection->client_ip) + " sends " +
          std::string(name_of(header)) + " " + shortened(sent[header]) +
          ", of which not all is understood; that is left out");
}

}  // namespace

bool is_sent_by(const request_rec* r, const TrustedProxies& proxies) {
  const std::optional<Address> sender = address_of(r->connection->client_addr);
  return sender && is_in(proxies.networks, *sender);
}

void apply_forwarded(request_rec* r, wsgi::Head& head) {
  using wsgi::Var;
  const std::optional<Asked> by = asked(r);
  if (!by) {
    return;
  }
  const ProxyFields sent = sent_fields(r);
  const Forwarded said = forwarded(r, *by, sent);
  if (said.misunderstood) {
    report_misunderstood(r, sent, *said.misunderstood);
  }
  if (by->of_tenant() && says_more(r, said)) {
    put(head, Var::remote_addr, base::pool_copy(r->pool, text_of(said.client)));
  }
  put(head, Var::server_name, said.server);
  put(head, Var::server_port, said.port);
  if (said.is_https) {
    put(head, Var::url_scheme, *said.is_https ? "https" : "http");
  }
  if (said.mount) {
    head.vars[static_cast<std::size_t>(Var::script_name)] = *said.mount;
  }
  head.headers = kept(r->pool, shown_fields(head, by->headers.fields, said));
  head.extra = kept(r->pool, shown_variables(head, by->headers.fields, said));
}

void register_client_address_hooks() {
  // The hook runs before modules that use the client's address (mod_setenvif), and after those that
  // may set it.
  static const char* const after[] = {"mod_remoteip.c", "mod_headers.c", nullptr};
  ap_hook_post_read_request(guarded<&find_client>, after, nullptr, APR_HOOK_FIRST);
  ap_hook_post_perdir_config(guarded<&find_client>, nullptr, nullptr, APR_HOOK_FIRST);
}

}  // namespace brine::apache
