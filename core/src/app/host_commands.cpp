// SPDX-License-Identifier: MIT
#include "app/host_commands.hpp"

#include <algorithm>

namespace k2s::core {
namespace {

// In the form of a plugin.json, read by the same code.
constexpr std::string_view k_host_manifest = R"json({
  "manifest": 1, "id": "host", "version": "1.0.0", "summary": "The host itself", "licence": "MIT",
  "abi": {"major": 1, "minor": 0}, "library": "host",
  "features": [{"id": "host", "kind": "command", "summary": "The host itself"}],
  "commands": [
    {"path": ["run"], "feature": "host", "style": "posix",
     "summary": "Run the configured services in the foreground (short for: host run)",
     "description": "Starts every service of the configuration and runs until SIGTERM, Ctrl-C, a console event or a service stop; then it drains. SIGHUP or `k2s host reload` reads the configuration again.",
     "options": [
       {"name": "name", "type": "string", "default": "default", "help": "name of this host, for its admin endpoint"},
       {"name": "safe-mode", "type": "bool", "default": false, "help": "load no plugin"}],
     "examples": [{"command": "k2s run", "text": "Run the services of the configuration"},
                  {"command": "k2s run --config ./k2s.yaml --set log.level=debug", "text": "Run with another configuration"}]},
    {"path": ["host", "run"], "feature": "host", "style": "posix",
     "summary": "Run the configured services in the foreground",
     "options": [
       {"name": "name", "type": "string", "default": "default", "help": "name of this host, for its admin endpoint"},
       {"name": "safe-mode", "type": "bool", "default": false, "help": "load no plugin"}],
     "examples": [{"command": "k2s host run", "text": "Run the services of the configuration"}]},
    {"path": ["host", "status"], "feature": "host", "style": "posix", "output": "data",
     "summary": "Show what a running host does",
     "options": [{"name": "name", "type": "string", "default": "default", "help": "name of the host"}],
     "exit_codes": [{"code": 6, "text": "no such host is running"}],
     "examples": [{"command": "k2s host status --format json", "text": "State for scripts"}]},
    {"path": ["host", "diagnostics"], "feature": "host", "style": "posix", "output": "data",
     "summary": "Show what helps to find a fault in a running host: its state and what its plugins tell",
     "options": [{"name": "name", "type": "string", "default": "default", "help": "name of the host"}],
     "exit_codes": [{"code": 6, "text": "no such host is running"}],
     "examples": [{"command": "k2s host diagnostics --format json", "text": "For a bug report"}]},
    {"path": ["host", "reload"], "feature": "host", "style": "posix", "output": "data",
     "summary": "Let a running host read its configuration again",
     "options": [{"name": "name", "type": "string", "default": "default", "help": "name of the host"}],
     "exit_codes": [{"code": 6, "text": "no such host is running"}],
     "examples": [{"command": "k2s host reload", "text": "Apply a changed configuration"}]},
    {"path": ["host", "stop"], "feature": "host", "style": "posix", "output": "data",
     "summary": "Let a running host drain and end",
     "options": [{"name": "name", "type": "string", "default": "default", "help": "name of the host"}],
     "exit_codes": [{"code": 6, "text": "no such host is running"}],
     "examples": [{"command": "k2s host stop", "text": "Stop the host"}]},
    {"path": ["plugin", "list"], "feature": "host", "style": "posix", "output": "data",
     "summary": "List the plugins and their state",
     "examples": [{"command": "k2s plugin list", "text": "All plugins, usable or not"}]},
    {"path": ["plugin", "info"], "feature": "host", "style": "posix", "output": "data",
     "summary": "Show what a plugin declares",
     "arguments": [{"name": "id", "type": "string", "required": true, "help": "plugin id"}],
     "exit_codes": [{"code": 6, "text": "no such plugin"}],
     "examples": [{"command": "k2s plugin info storage", "text": "Features, commands and contracts of a plugin"}]},
    {"path": ["plugin", "explain"], "feature": "host", "style": "posix", "output": "data",
     "summary": "Say why a plugin can or cannot be used",
     "arguments": [{"name": "id", "type": "string", "required": true, "help": "plugin id"}],
     "exit_codes": [{"code": 6, "text": "no such plugin"}],
     "examples": [{"command": "k2s plugin explain storage", "text": "Contracts, providers and refusals"}]},
    {"path": ["plugin", "enable"], "feature": "host", "style": "posix", "output": "data", "dry_run": true,
     "summary": "Switch a plugin on, now and from now on",
     "arguments": [{"name": "id", "type": "string", "required": true, "help": "plugin id"}],
     "exit_codes": [{"code": 6, "text": "no such plugin"}],
     "examples": [{"command": "k2s plugin enable storage", "text": "Use the plugin again"}]},
    {"path": ["plugin", "disable"], "feature": "host", "style": "posix", "output": "data", "dry_run": true,
     "summary": "Switch a plugin off, now and from now on",
     "arguments": [{"name": "id", "type": "string", "required": true, "help": "plugin id"}],
     "exit_codes": [{"code": 6, "text": "no such plugin"}],
     "examples": [{"command": "k2s plugin disable storage", "text": "Do not use the plugin any more"}]},
    {"path": ["plugin", "keygen"], "feature": "host", "style": "posix", "output": "data",
     "summary": "Make a key that signs plugins",
     "description": "Writes the private key to FILE and the public one to FILE.pub, both as PEM. Keep the first, give away the second.",
     "arguments": [{"name": "file", "type": "path", "required": true, "help": "file of the private key; it must not exist"}],
     "examples": [{"command": "k2s plugin keygen acme.key", "text": "A key for the plugins of ACME"}]},
    {"path": ["plugin", "sign"], "feature": "host", "style": "posix", "output": "data", "dry_run": true,
     "summary": "Write the hashes of a plugin's files into its plugin.json, and sign that",
     "options": [{"name": "key", "type": "path", "required": true, "metavar": "FILE", "help": "the private key"}],
     "arguments": [{"name": "folder", "type": "path", "required": true, "help": "folder of the plugin"}],
     "examples": [{"command": "k2s plugin sign ./hello --key acme.key", "text": "Sign before you ship"}]},
    {"path": ["plugin", "verify"], "feature": "host", "style": "posix", "output": "data",
     "summary": "Verify a plugin's signature and the hashes of its files",
     "arguments": [{"name": "plugin", "type": "string", "required": true, "help": "plugin id, or a folder"}],
     "exit_codes": [{"code": 5, "text": "it is not signed by a trusted key, or was changed"}, {"code": 6, "text": "no such plugin"}],
     "examples": [{"command": "k2s plugin verify storage", "text": "Who signed it"},
                  {"command": "k2s plugin verify ./hello", "text": "Before it is installed"}]},
    {"path": ["plugin", "trust", "add"], "feature": "host", "style": "posix", "output": "data", "dry_run": true,
     "summary": "Trust a key",
     "options": [
       {"name": "owner", "type": "string", "required": true, "help": "whose key it is"},
       {"name": "prefix", "type": "string", "repeat": true, "required": true, "metavar": "ID", "help": "plugins it may sign: acme stands for acme and acme-…, * for all"},
       {"name": "expires", "type": "string", "metavar": "DATE", "help": "last day on which it counts, such as 2027-12-31"},
       {"name": "tree", "type": "bool", "default": false, "help": "for everybody who uses this tree, not for this user or machine"}],
     "arguments": [{"name": "file", "type": "path", "required": true, "help": "the public key"}],
     "examples": [{"command": "k2s plugin trust add acme.key.pub --owner ACME --prefix acme --expires 2027-12-31", "text": "Let ACME sign its plugins for a while"}]},
    {"path": ["plugin", "trust", "list"], "feature": "host", "style": "posix", "output": "data",
     "summary": "List the keys that are trusted or revoked",
     "examples": [{"command": "k2s plugin trust list", "text": "Whose plugins are loaded"}]},
    {"path": ["plugin", "trust", "remove"], "feature": "host", "style": "posix", "output": "data", "dry_run": true,
     "summary": "Trust a key no more",
     "options": [{"name": "tree", "type": "bool", "default": false, "help": "in the tree's list"}],
     "arguments": [{"name": "key", "type": "string", "required": true, "help": "its id, as `k2s plugin trust list` shows it"}],
     "exit_codes": [{"code": 6, "text": "no such key"}],
     "examples": [{"command": "k2s plugin trust remove 0123456789abcdef", "text": "Forget a key"}]},
    {"path": ["plugin", "trust", "revoke"], "feature": "host", "style": "posix", "output": "data", "dry_run": true,
     "summary": "Refuse everything that a key has signed, in whichever list it is trusted",
     "options": [
       {"name": "reason", "type": "string", "required": true, "help": "what messages say"},
       {"name": "tree", "type": "bool", "default": false, "help": "in the tree's list"}],
     "arguments": [{"name": "key", "type": "string", "required": true, "help": "its id, or all 64 digits of one that is in no list"}],
     "exit_codes": [{"code": 6, "text": "no such key"}],
     "examples": [{"command": "k2s plugin trust revoke 0123456789abcdef --reason 'lost on 2026-11-23'", "text": "After a key was lost"}]},
    {"path": ["plugin", "trust", "rescan"], "feature": "host", "style": "posix", "output": "data",
     "summary": "Verify all plugins anew and remember the outcome, for instance after a tree was moved",
     "exit_codes": [{"code": 8, "text": "some are not trusted"}],
     "examples": [{"command": "k2s plugin trust rescan", "text": "Nothing is hashed at the next start"}]},
    {"path": ["plugin", "trust", "seal"], "feature": "host", "style": "posix", "output": "data", "hidden": true,
     "summary": "For the installation: sign these plugins of the tree, and make signatures a must",
     "options": [{"name": "key", "type": "path", "metavar": "FILE", "help": "the vendor's private key; without it one that is thrown away afterwards"}],
     "arguments": [{"name": "id", "type": "string", "required": true, "repeat": true, "help": "plugin ids"}]},
    {"path": ["feature", "list"], "feature": "host", "style": "posix", "output": "data",
     "summary": "List the features of all usable plugins",
     "examples": [{"command": "k2s feature list", "text": "Every feature with its plugin"}]},
    {"path": ["feature", "enable"], "feature": "host", "style": "posix", "output": "data", "dry_run": true,
     "summary": "Switch a feature on, now and from now on",
     "arguments": [{"name": "id", "type": "string", "required": true, "help": "feature id"}],
     "exit_codes": [{"code": 6, "text": "no such feature"}],
     "examples": [{"command": "k2s feature enable httpproxy", "text": "Use the feature again"}]},
    {"path": ["feature", "disable"], "feature": "host", "style": "posix", "output": "data", "dry_run": true,
     "summary": "Switch a feature off, now and from now on",
     "arguments": [{"name": "id", "type": "string", "required": true, "help": "feature id"}],
     "exit_codes": [{"code": 6, "text": "no such feature"}],
     "examples": [{"command": "k2s feature disable httpproxy", "text": "Do not use the feature any more"}]},
    {"path": ["config", "show"], "feature": "host", "style": "posix", "output": "data",
     "summary": "Show the effective configuration",
     "options": [{"name": "origin", "type": "bool", "default": false, "help": "show where each value comes from"}],
     "examples": [{"command": "k2s config show --origin", "text": "Every value with its file and line"}]},
    {"path": ["config", "validate"], "feature": "host", "style": "posix", "output": "data",
     "summary": "Check the configuration",
     "arguments": [{"name": "file", "type": "path", "help": "file to check in place of --config"}],
     "exit_codes": [{"code": 3, "text": "the configuration is wrong"}],
     "examples": [{"command": "k2s config validate ./k2s.yaml", "text": "Check a file before using it"}]},
    {"path": ["config", "schema"], "feature": "host", "style": "posix", "output": "data",
     "summary": "Print the JSON Schema of the configuration",
     "examples": [{"command": "k2s config schema --format json", "text": "For editors and validators"}]},
    {"path": ["version"], "feature": "host", "style": "posix", "output": "data",
     "summary": "Show the version of the host and its plugins",
     "examples": [{"command": "k2s version --format json", "text": "For scripts"}]},
    {"path": ["completion"], "feature": "host", "style": "posix",
     "summary": "Print a completion script",
     "arguments": [{"name": "shell", "type": "enum", "choices": ["bash", "powershell"], "required": true, "help": "for which shell"}],
     "options": [{"name": "tool", "type": "string", "default": "k2s", "help": "for which exe"}],
     "examples": [{"command": "source <(k2s completion bash)", "text": "Complete in this shell"}]},
    {"path": ["man"], "feature": "host", "style": "posix", "hidden": true,
     "summary": "Write the man pages and completion scripts of all tools into a folder",
     "arguments": [{"name": "folder", "type": "path", "required": true, "help": "the share folder of a tree"}]}
  ]
})json";

} // namespace

const Manifest &host_manifest() {
    // A mistake in the text above is one of this build: value() throws and every test sees it.
    static const Manifest manifest = read_manifest(k_host_manifest, "the host's commands").value();
    return manifest;
}

std::vector<CommandGroup> host_groups() {
    return {{{"host"}, "The running host"},
            {{"plugin"}, "Plugins: list, explain, switch, sign"},
            {{"plugin", "trust"}, "Keys that may sign plugins"},
            {{"feature"}, "Features of the plugins"},
            {{"config"}, "Configuration: show, check"}};
}

std::vector<std::string> reserved_words() {
    return {"run", "host", "plugin", "feature", "config", "version", "completion", "man", "help"};
}

} // namespace k2s::core
