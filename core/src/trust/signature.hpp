// SPDX-License-Identifier: MIT
/// \file
/// plugin.json.sig: a detached Ed25519 signature over the bytes of plugin.json, which carries the
/// SHA-256 of every other file of the plugin.
#pragma once

#include "manifest/manifest.hpp"
#include "trust/trust_store.hpp"

namespace k2s::core::trust {

constexpr std::string_view k_signature_name = "plugin.json.sig";
constexpr std::size_t k_signature_max = 4096;

std::string format_signature(const Signed &signature);
/// K2S_E_PERMISSION for whatever cannot be a signature: it is read in order to trust.
Result<Signed> parse_signature(std::string_view json, std::string_view name);

/// The regular files of a plugin's folder but the two above, sorted. K2S_E_PERMISSION when there is
/// anything else (a folder, a link, a device): nobody could say that it was signed.
Result<std::vector<std::string>> plugin_files(const fs::path &folder);

/// Writes the SHA-256 of every file into plugin.json when it is not there yet, and signs it. The
/// key's id. K2S_E_CONFIG for a bad manifest or key.
Result<PublicKey> sign_plugin(const Crypto &crypto, const fs::path &folder,
                              std::string_view private_pem, std::string_view key_name);

/// That a key of the stores signed this very manifest and may do so now. K2S_E_PERMISSION.
Result<TrustedKey> verify_manifest(const Crypto &crypto, const std::vector<TrustStore> &stores,
                                   const Manifest &manifest, const fs::path &folder,
                                   std::int64_t now);

/// That the folder holds exactly the files that the manifest lists, with their hashes. `library`,
/// when there is one, is the file that will be mapped. K2S_E_PERMISSION.
Result<std::vector<std::pair<std::string, FileIdentity>>> verify_files(const Crypto &crypto,
                                                                       const Manifest &manifest,
                                                                       const fs::path &folder,
                                                                       const OpenLibrary *library);

} // namespace k2s::core::trust
