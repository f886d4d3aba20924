// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "model/document.hpp"
#include "store/store.hpp"

namespace k2s::image {

enum class Kind { index, manifest, config, layer, other };

std::string_view kind_name(Kind kind);

/// Gives the content of an index or manifest, checked against its descriptor.
using ReadDocument = std::function<Result<std::string>(const Descriptor &)>;
/// `document` is the content of an index or manifest, empty for others.
using Visit = std::function<Done(const Descriptor &blob, Kind kind, const std::string &document)>;

/// Visits each blob of an image once, what a document names before the document itself, so that a
/// copy made in this order is never incomplete. Depth and number of blobs are bounded, and a digest
/// that is met again is not entered again, so no cycle is followed.
Done walk(const ReadDocument &read, const Descriptor &root, const Visit &visit);

/// Of an index (through nested ones) the manifest for `wanted`, the first that fits; a manifest is
/// returned as it is.
Result<Descriptor> pick(const ReadDocument &read, const Descriptor &root, const Platform &wanted);

ReadDocument documents_of(const Store &store);

} // namespace k2s::image
