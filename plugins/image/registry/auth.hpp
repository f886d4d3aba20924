// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <optional>
#include <string>

#include "registry/http.hpp"

namespace k2s::image {

/// Secret: never in a message, a log or the arguments of a process.
struct Credentials {
    std::string user;
    std::string password;
    std::string identity_token; ///< a refresh token instead of both
};

/// A challenge of WWW-Authenticate: its scheme in lower case, and its parameters.
struct Challenge {
    std::string scheme;
    std::map<std::string, std::string> parameters;
};

/// The first challenge that is known here (Bearer before Basic).
std::optional<Challenge> parse_challenges(std::string_view header);

/// What Docker, podman and skopeo keep in `auths` of their files: for a registry, or a repository.
Result<std::optional<Credentials>>
credentials_from(std::string_view auth_file, const std::string &registry, const std::string &path);

/// Answers the challenges of one registry, and keeps its tokens as long as they are good.
class Authenticator {
  public:
    Authenticator(HttpClient &client, std::optional<Credentials> credentials)
        : client_(client), credentials_(std::move(credentials)) {}

    /// The Authorization header for a request within `scope`, or empty.
    std::string header(const std::string &scope) const;

    /// After an answer of 401: gets what is asked for. False: nothing else can be tried.
    /// A token comes from the realm that the registry names; the password goes there only over TLS
    /// or when it is the registry itself.
    Result<bool> answer(const HttpResponse &response, const Url &registry,
                        const std::string &scope);

  private:
    Result<std::string> fetch_token(const Challenge &challenge, const Url &registry,
                                    const std::string &scope);

    HttpClient &client_;
    std::optional<Credentials> credentials_;
    std::string basic_;
    std::map<std::string, std::string> tokens_; // by scope
};

} // namespace k2s::image
