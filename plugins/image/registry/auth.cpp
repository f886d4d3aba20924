// SPDX-License-Identifier: MIT
#include "registry/auth.hpp"

#include <algorithm>

#include <openssl/evp.h>

#include "base/json.hpp"
#include "common/encoding.hpp"
#include "common/text.hpp"

namespace k2s::image {
namespace {

/// Reads RFC 9110 11.3: `scheme name="value", name=value, scheme …`.
class ChallengeReader {
  public:
    explicit ChallengeReader(std::string_view text) : text_(text) {}

    bool next(Challenge &challenge) {
        challenge = {};
        skip(" \t,");
        challenge.scheme = to_lower(token());
        if (challenge.scheme.empty()) {
            return false;
        }
        for (;;) {
            skip(" \t,");
            const size_t before = at_;
            const std::string name = to_lower(token());
            skip(" \t");
            if (name.empty() || at_ >= text_.size() || text_[at_] != '=') {
                at_ = before; // the next scheme
                return true;
            }
            ++at_;
            skip(" \t");
            challenge.parameters[name] =
                at_ < text_.size() && text_[at_] == '"' ? quoted() : token();
        }
    }

  private:
    void skip(std::string_view what) {
        while (at_ < text_.size() && what.find(text_[at_]) != what.npos) {
            ++at_;
        }
    }
    std::string token() {
        const size_t begin = at_;
        while (at_ < text_.size() &&
               std::string_view(" \t,=\"").find(text_[at_]) == std::string_view::npos) {
            ++at_;
        }
        return std::string(text_.substr(begin, at_ - begin));
    }
    std::string quoted() {
        std::string value;
        for (++at_; at_ < text_.size() && text_[at_] != '"'; ++at_) {
            if (text_[at_] == '\\' && at_ + 1 < text_.size()) {
                ++at_;
            }
            value += text_[at_];
        }
        at_ += at_ < text_.size() ? 1 : 0;
        return value;
    }

    std::string_view text_;
    size_t at_ = 0;
};

std::optional<std::string> from_base64(const std::string &text) {
    if (text.size() % 4 != 0 || text.empty()) {
        return std::nullopt;
    }
    std::string bytes(text.size() / 4 * 3, '\0');
    const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char *>(bytes.data()),
                                     reinterpret_cast<const unsigned char *>(text.data()),
                                     static_cast<int>(text.size()));
    if (size < 0) {
        return std::nullopt;
    }
    bytes.resize(static_cast<size_t>(size));
    for (size_t i = text.size(); i > 0 && text[i - 1] == '='; --i) {
        bytes.pop_back();
    }
    return bytes;
}

} // namespace

std::optional<Challenge> parse_challenges(std::string_view header) {
    ChallengeReader reader(header);
    std::optional<Challenge> basic;
    for (Challenge challenge; reader.next(challenge);) {
        if (challenge.scheme == "bearer" && !challenge.parameters["realm"].empty()) {
            return challenge;
        }
        if (challenge.scheme == "basic") {
            basic = challenge;
        }
    }
    return basic;
}

Result<std::optional<Credentials>>
credentials_from(std::string_view auth_file, const std::string &registry, const std::string &path) {
    const auto document = parse_object(auth_file, "file with credentials");
    if (!document) {
        return std::unexpected(document.error());
    }
    Fields fields(*document, "file with credentials");
    const Json *auths = fields.object("auths");
    if (!fields.ok()) {
        return fields.error();
    }
    if (auths == nullptr) {
        return std::nullopt;
    }
    // The most particular key wins: registry/a/b, registry/a, registry; Docker's own is a URL.
    std::vector<std::string> keys;
    for (std::string key = registry + "/" + path; !key.empty();) {
        keys.push_back(key);
        const size_t slash = key.rfind('/');
        key.resize(slash == std::string::npos ? 0 : slash);
    }
    keys.push_back("https://" + registry);
    if (registry == "docker.io") {
        keys.emplace_back("https://index.docker.io/v1/");
    }
    for (const auto &key : keys) {
        const auto at = auths->find(key);
        if (at == auths->end() || !at->is_object()) {
            continue;
        }
        Fields entry(*at, "file with credentials, " + key);
        Credentials found;
        found.identity_token = entry.text("identitytoken");
        if (const std::string auth = entry.text("auth"); !auth.empty()) {
            const auto text = from_base64(auth);
            const size_t colon = text ? text->find(':') : std::string::npos;
            if (colon == std::string::npos) {
                return fail(K2S_E_CONFIG,
                            "the file with credentials: 'auth' of {} is not "
                            "USER:PASSWORD in base64",
                            key);
            }
            found.user = text->substr(0, colon);
            found.password = text->substr(colon + 1);
        }
        if (!entry.ok()) {
            return entry.error();
        }
        if (!found.user.empty() || !found.identity_token.empty()) {
            return found;
        }
    }
    return std::nullopt;
}

std::string Authenticator::header(const std::string &scope) const {
    if (const auto token = tokens_.find(scope); token != tokens_.end()) {
        return "Bearer " + token->second;
    }
    return basic_;
}

Result<bool> Authenticator::answer(const HttpResponse &response, const Url &registry,
                                   const std::string &scope) {
    const auto challenge = parse_challenges(response.header("www-authenticate"));
    if (!challenge) {
        return false;
    }
    if (challenge->scheme == "basic") {
        if (!credentials_ || credentials_->user.empty() || !basic_.empty()) {
            return false;
        }
        basic_ = "Basic " + base64(credentials_->user + ":" + credentials_->password);
        return true;
    }
    tokens_.erase(scope); // it has expired
    auto token = fetch_token(*challenge, registry, scope);
    if (!token) {
        return pass(token);
    }
    tokens_[scope] = std::move(*token);
    return true;
}

/// Distribution spec, token authentication.
Result<std::string> Authenticator::fetch_token(const Challenge &challenge, const Url &registry,
                                               const std::string &scope) {
    auto realm = Url::parse(challenge.parameters.at("realm"));
    if (!realm) {
        return fail(K2S_E_FAILED, "{} sends for a token to a place that is none: {}",
                    registry.origin(), realm.error().message);
    }
    const auto service = challenge.parameters.find("service");
    std::string query = "scope=" + encode_query(scope);
    if (service != challenge.parameters.end()) {
        query += "&service=" + encode_query(service->second);
    }
    HttpRequest request{"GET", *realm, {}, {}};
    std::string body;
    const bool trusted = realm->secure || realm->origin() == registry.origin();
    if (credentials_ && !trusted) {
        return fail(K2S_E_PERMISSION,
                    "{} sends for a token to {}, which would see the password unencrypted",
                    registry.origin(), realm->origin());
    }
    if (credentials_ && !credentials_->identity_token.empty()) {
        request.method = "POST";
        body = "grant_type=refresh_token&client_id=k2s&refresh_token=" +
               encode_query(credentials_->identity_token) + "&" + query;
        request.headers.emplace_back("Content-Type", "application/x-www-form-urlencoded");
        request.body = body;
    } else {
        request.url.target += (realm->target.find('?') == std::string::npos ? "?" : "&") + query;
        if (credentials_) {
            request.headers.emplace_back(
                "Authorization",
                "Basic " + base64(credentials_->user + ":" + credentials_->password));
        }
    }
    const auto answer = client_.send(request);
    if (!answer) {
        return fail(answer.error().code, "no token from {}: {}", realm->origin(),
                    answer.error().message);
    }
    if (answer->status != 200) {
        return fail(
            answer->status == 401 || answer->status == 403 ? K2S_E_PERMISSION : K2S_E_FAILED,
            "no token from {}: it answers {}{}", realm->origin(), answer->status,
            credentials_ ? "; check user and password" : "; log in first (see --auth-file)");
    }
    const auto document = parse_object(answer->body, "token of " + realm->origin());
    if (!document) {
        return std::unexpected(document.error());
    }
    Fields fields(*document, "token of " + realm->origin());
    std::string token = fields.text("token");
    if (token.empty()) {
        token = fields.text("access_token");
    }
    if (!fields.ok()) {
        return fields.error();
    }
    const bool clean = std::ranges::all_of(token, [](char c) { return c > ' ' && c < 127; });
    if (token.empty() || token.size() > 32'768 || !clean) {
        return fail(K2S_E_FAILED, "no token from {}: its answer holds none", realm->origin());
    }
    return token;
}

} // namespace k2s::image
