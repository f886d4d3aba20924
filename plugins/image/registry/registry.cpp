// SPDX-License-Identifier: MIT
#include "registry/registry.hpp"

#include <algorithm>
#include <thread>

namespace k2s::image {
namespace {

constexpr int k_attempts = 5;
constexpr int k_redirects = 5;

constexpr const char *k_accept =
    "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json, "
    "application/vnd.docker.distribution.manifest.v2+json";

bool may_pass(const Error &error) {
    return error.code == K2S_E_IO || error.code == K2S_E_TIMEOUT;
}
bool may_pass(unsigned status) {
    return status == 429 || (status >= 500 && status != 501);
}

} // namespace

std::string Registry::host_of(const std::string &registry) {
    return registry == "docker.io" ? "registry-1.docker.io" : registry;
}

Registry::Registry(Url base, std::string path, const RegistrySettings &settings, const Watch &watch)
    : base_(std::move(base)), path_(std::move(path)), pause_(settings.pause), watch_(&watch),
      client_(std::make_unique<HttpClient>(settings.proxies, settings.tls, settings.deadlines)),
      authenticator_(*client_, settings.credentials), scope_("repository:" + path_ + ":pull") {}

void Registry::for_writing() {
    scope_ = "repository:" + path_ + ":pull,push";
}

Result<Registry> Registry::open(const std::string &host, const std::string &path,
                                const RegistrySettings &settings, const Watch &watch) {
    auto base = Url::parse((settings.plain_http ? "http://" : "https://") + host);
    if (!base) {
        return pass(base);
    }
    return Registry(std::move(*base), path, settings, watch);
}

HttpRequest Registry::request(std::string method, const std::string &what) const {
    HttpRequest request{std::move(method), base_, {}, {}};
    request.url.target = "/v2/" + path_ + "/" + what;
    return request;
}

/// A redirect or an upload's place: never from TLS to plain text.
Result<Url> Registry::next_place(const Url &from, const HttpResponse &response) const {
    const std::string location = response.header("location");
    if (location.empty()) {
        return fail(K2S_E_FAILED, "{} does not say where to go on", from.origin());
    }
    auto next = from.resolve(location);
    if (next && from.secure && !next->secure) {
        return fail(K2S_E_PERMISSION, "{} leads to {}, which is not encrypted", from.origin(),
                    next->origin());
    }
    return next;
}

Result<HttpResponse> Registry::send(HttpRequest request, const BodySink &sink) {
    const auto given = request.headers;
    int challenges = 0;
    for (int redirects = 0;;) {
        if (watch_->stop()) {
            return stopped();
        }
        request.headers = given;
        const bool home = request.url.origin() == base_.origin();
        // Only the registry itself gets to see tokens and passwords.
        if (const std::string header = authenticator_.header(scope_); home && !header.empty()) {
            request.headers.emplace_back("Authorization", header);
        }
        auto response = client_->send(request, sink);
        if (!response) {
            return response;
        }
        if (response->status == 401 && home && challenges < 2) {
            ++challenges;
            const auto answered = authenticator_.answer(*response, base_, scope_);
            if (!answered) {
                return std::unexpected(answered.error());
            }
            if (!*answered) {
                return response;
            }
            continue;
        }
        const bool moved = response->status == 301 || response->status == 302 ||
                           response->status == 303 || response->status == 307 ||
                           response->status == 308;
        if (!moved || (request.method != "GET" && request.method != "HEAD")) {
            return response;
        }
        if (++redirects > k_redirects) {
            return fail(K2S_E_FAILED, "{} redirects more than {} times", base_.origin(),
                        k_redirects);
        }
        auto next = next_place(request.url, *response);
        if (!next) {
            return pass(next);
        }
        request.url = std::move(*next);
    }
}

Done Registry::wait(int attempt) const {
    const auto end = std::chrono::steady_clock::now() + pause_ * (1 << attempt);
    while (std::chrono::steady_clock::now() < end) {
        if (watch_->stop()) {
            return stopped();
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return {};
}

Result<HttpResponse> Registry::insist(const HttpRequest &request) {
    for (int attempt = 0;; ++attempt) {
        auto response = send(request);
        const bool again = response ? may_pass(response->status) : may_pass(response.error());
        if (!again || attempt + 1 == k_attempts) {
            return response;
        }
        if (auto waited = wait(attempt); !waited) {
            return pass(waited);
        }
    }
}

std::unexpected<Error> Registry::refusal(const HttpResponse &response,
                                         std::string_view doing) const {
    std::string reason;
    if (const auto document = parse_object(response.body, "answer"); document) {
        if (const auto errors = document->find("errors"); errors != document->end() &&
                                                          errors->is_array() && !errors->empty() &&
                                                          errors->front().is_object()) {
            for (const char *key : {"code", "message"}) {
                const auto at = errors->front().find(key);
                if (at != errors->front().end() && at->is_string()) {
                    reason += (reason.empty() ? ": " : " ") + at->get<std::string>().substr(0, 200);
                }
            }
        }
    }
    std::ranges::replace_if(
        reason, [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
    const int32_t code = response.status == 401 || response.status == 403 ? K2S_E_PERMISSION
                         : response.status == 404                         ? K2S_E_NOT_FOUND
                                                                          : K2S_E_FAILED;
    return fail(code, "{} refused {} for '{}' with {}{}{}", base_.origin(), doing, path_,
                response.status, reason,
                response.status == 401 ? "; give credentials (see --auth-file)" : "");
}

Result<Registry::Document> Registry::manifest(const std::string &what) {
    auto get = request("GET", "manifests/" + what);
    get.headers.emplace_back("Accept", k_accept);
    auto response = insist(get);
    if (!response) {
        return pass(response);
    }
    if (response->status != 200) {
        return refusal(*response, "the manifest '" + what + "'");
    }
    const auto wanted = Digest::parse(what);
    Hasher hasher(wanted ? wanted->algorithm() : Algorithm::sha256);
    hasher.update(response->body.data(), response->body.size());
    Digest digest = hasher.finish();
    if (wanted && *wanted != digest) {
        return fail(K2S_E_FAILED, "{} gave another manifest than was asked for: {} instead of {}",
                    base_.origin(), digest.text(), what);
    }
    // The document says itself what it is; the header does for old ones.
    const auto document = parse_object(response->body, "manifest of " + base_.origin());
    if (!document) {
        return std::unexpected(document.error());
    }
    Fields fields(*document, "manifest of " + base_.origin());
    std::string type = fields.text("mediaType");
    if (type.empty()) {
        type = response->header("content-type");
        type.resize(std::min(type.find(';'), type.size()));
    }
    if (!fields.ok()) {
        return fields.error();
    }
    if (!media_type::is_index(type) && !media_type::is_manifest(type)) {
        return fail(K2S_E_FAILED, "{} has something else under '{}': '{:.100}'", base_.origin(),
                    what, type);
    }
    Descriptor descriptor{type, std::move(digest), response->body.size(), {}, {}};
    return Document{std::move(response->body), std::move(descriptor)};
}

Result<bool> Registry::has_blob(const Digest &digest) {
    const auto response = insist(request("HEAD", "blobs/" + digest.text()));
    if (!response) {
        return std::unexpected(response.error());
    }
    if (response->status != 200 && response->status != 404) {
        return refusal(*response, "looking for a blob");
    }
    return response->status == 200;
}

Result<bool> Registry::has_manifest(const std::string &what, const Digest &digest) {
    auto head = request("HEAD", "manifests/" + what);
    head.headers.emplace_back("Accept", k_accept);
    const auto response = insist(head);
    if (!response) {
        return std::unexpected(response.error());
    }
    if (response->status != 200 && response->status != 404) {
        return refusal(*response, "looking for a manifest");
    }
    return response->status == 200 && response->header("docker-content-digest") == digest.text();
}

Done Registry::get_blob(const Descriptor &blob, uint64_t offset,
                        const std::function<Done()> &restart,
                        const std::function<Done(std::string_view)> &sink) {
    auto get = request("GET", "blobs/" + blob.digest.text());
    if (offset > 0) {
        get.headers.emplace_back("Range", fmt::format("bytes={}-", offset));
    }
    bool begun = false;
    uint64_t left = blob.size - offset;
    const auto take = [&](const HttpResponse &response, std::string_view piece) -> Done {
        if (!begun) {
            begun = true;
            const bool rest =
                response.status == 206 &&
                response.header("content-range").starts_with(fmt::format("bytes {}-", offset));
            if (!rest && offset > 0) {
                left = blob.size;
                if (auto restarted = restart(); !restarted) {
                    return restarted;
                }
            }
        }
        if (piece.size() > left) {
            return fail(K2S_E_FAILED, "{} sends more than the {} bytes of {}", base_.origin(),
                        blob.size, blob.digest.text());
        }
        left -= piece.size();
        return sink(piece);
    };
    const auto response = send(get, take);
    if (!response) {
        return std::unexpected(response.error());
    }
    if (response->status == 416 && offset > 0) {
        return restart();
    }
    if (response->status / 100 != 2) {
        const auto refused = refusal(*response, "the blob " + blob.digest.text());
        return may_pass(response->status) ? fail(K2S_E_IO, "{}", refused.error().message) : refused;
    }
    if (left > 0) {
        return fail(K2S_E_IO, "{} sent {} bytes too little of {}", base_.origin(), left,
                    blob.digest.text());
    }
    return {};
}

Done Registry::put_manifest(const std::string &what, const std::string &text,
                            const Descriptor &manifest) {
    auto put = request("PUT", "manifests/" + what);
    put.headers.emplace_back("Content-Type", manifest.media_type);
    put.body = text;
    const auto response = insist(put);
    if (!response) {
        return std::unexpected(response.error());
    }
    if (response->status / 100 != 2) {
        return refusal(*response, "the manifest '" + what + "'");
    }
    if (const std::string digest = response->header("docker-content-digest");
        !digest.empty() && digest != manifest.digest.text()) {
        return fail(K2S_E_FAILED,
                    "{} took the manifest under another digest: {:.140} instead of {}",
                    base_.origin(), digest, manifest.digest.text());
    }
    return {};
}

} // namespace k2s::image
