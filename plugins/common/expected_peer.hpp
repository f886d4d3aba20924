// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace k2s {

/// The peer of an OpenSSL session (SSL *) has to show a certificate for this name or address; a
/// name is also sent to it (SNI). False: out of memory, and the session is not to be used.
bool expect_peer(void *session, const std::string &host);

} // namespace k2s
