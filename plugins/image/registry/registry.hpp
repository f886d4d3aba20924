// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/document.hpp"
#include "model/reference.hpp"
#include "registry/auth.hpp"

namespace k2s::image {

struct RegistrySettings {
    bool plain_http = false;
    TlsSettings tls;
    ProxySettings proxies;
    Deadlines deadlines;
    std::optional<Credentials> credentials;
    /// Between attempts after a failure that may pass: this, then twice as long, and so on.
    std::chrono::milliseconds pause{200};
};

/// One repository of one registry: the distribution specification 1.1. What fails for a reason that
/// may pass (a reset, a time-out, 429, 5xx) is tried again a few times.
class Registry {
  public:
    /// `host` is where requests go: the registry's own or a mirror's.
    static Result<Registry> open(const std::string &host, const std::string &path,
                                 const RegistrySettings &settings, const Watch &watch);
    /// Where `docker.io` really is.
    static std::string host_of(const std::string &registry);

    struct Document {
        std::string text;
        Descriptor descriptor;
    };
    /// `what` is a tag or a digest; with a digest the answer has to have it.
    Result<Document> manifest(const std::string &what);
    Result<bool> has_blob(const Digest &digest);
    Result<bool> has_manifest(const std::string &what, const Digest &digest);

    /// Gives the blob from `offset` on to `sink`; `restart` is called first when the registry sends
    /// it from the beginning. One attempt: what arrived is the caller's.
    Done get_blob(const Descriptor &blob, uint64_t offset, const std::function<Done()> &restart,
                  const std::function<Done(std::string_view)> &sink);

    /// Sends `size` bytes that `read_at(position, most)` gives, in pieces that can be repeated.
    Done put_blob(const Descriptor &blob,
                  const std::function<Result<std::string>(uint64_t, size_t)> &read_at);
    Done put_manifest(const std::string &what, const std::string &text, const Descriptor &manifest);

    /// Asks for the right to write, too, from now on.
    void for_writing();
    std::string origin() const { return base_.origin(); }

  private:
    Registry(Url base, std::string path, const RegistrySettings &settings, const Watch &watch);

    HttpRequest request(std::string method, const std::string &what) const;
    /// Adds credentials, follows redirects, answers one challenge.
    Result<HttpResponse> send(HttpRequest request, const BodySink &sink = {});
    /// send(), several times when it has to be.
    Result<HttpResponse> insist(const HttpRequest &request);
    Done wait(int attempt) const;
    std::unexpected<Error> refusal(const HttpResponse &response, std::string_view doing) const;
    Result<Url> next_place(const Url &from, const HttpResponse &response) const;

    Url base_;
    std::string path_;
    std::chrono::milliseconds pause_;
    const Watch *watch_;
    std::unique_ptr<HttpClient> client_;
    Authenticator authenticator_;
    std::string scope_;
};

} // namespace k2s::image
