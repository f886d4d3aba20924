// SPDX-License-Identifier: MIT
#include "config/core_schema.hpp"

#include "config/schema.hpp"

namespace k2s::core {
namespace {

constexpr const char *k_schema = R"json({
"$schema": "http://json-schema.org/draft-07/schema#",
"title": "K2s configuration",
"type": "object",
"additionalProperties": false,
"properties": {
  "log": {
    "type": "object", "default": {}, "additionalProperties": false,
    "description": "Logging of this host",
    "properties": {
      "level": {"type": ["string", "integer"], "default": "info",
        "description": "Lowest level written: debug, info, warn, error, an integer, or a name with an offset (debug+2)"},
      "format": {"type": "string", "enum": ["auto", "text", "json"], "default": "auto",
        "description": "Form of standard error; auto is text on a terminal and JSON lines otherwise"},
      "root": {"type": "string", "default": "",
        "description": "Folder below which each tool has its folder of log files; empty: K2S_LOG_ROOT and the product's own rules"},
      "max_bytes": {"type": "integer", "minimum": 32768, "maximum": 1073741824, "default": 500000,
        "description": "Size at which a log file is rotated"},
      "files": {"type": "integer", "minimum": 0, "maximum": 100, "default": 5,
        "description": "Rotated files that are kept"},
      "file": {"type": "boolean", "default": true, "description": "Write log files"},
      "stderr": {"type": "boolean", "default": true, "description": "Write to standard error"}
    }
  },
  "admin": {
    "type": "object", "default": {}, "additionalProperties": false,
    "description": "How `k2s host` and other commands reach a running host",
    "properties": {
      "socket": {"type": ["boolean", "string"], "default": true,
        "description": "Local endpoint: true for the usual place, false for none, or the path of a Unix socket or named pipe"},
      "http": {"type": "string", "default": "",
        "description": "Read-only HTTP on a loopback address such as 127.0.0.1:9180; empty: none"}
    }
  },
  "plugin_path": {
    "type": "array", "default": [], "items": {"type": "string", "minLength": 1},
    "description": "Further folders with plugins, looked through after the tree's own"
  },
  "trust": {
    "type": "string", "enum": ["off", "warn", "enforce"],
    "description": "What becomes of plugins without a trusted signature; the default is the tree's own: enforce once it is installed"
  },
  "plugins": {
    "type": "object", "default": {}, "description": "Plugins by id",
    "additionalProperties": {
      "type": "object", "additionalProperties": false,
      "properties": {
        "enabled": {"type": "boolean", "default": true},
        "isolation": {"type": "string", "enum": ["none", "process"],
          "description": "Where its code runs: in the host, or in a worker process of its own"},
        "worker": {
          "type": "object", "additionalProperties": false,
          "description": "What its worker may do; each missing key: no limit",
          "properties": {
            "user": {"type": "string", "minLength": 1, "maxLength": 64,
              "description": "Linux, when the host is root: the user that it becomes"},
            "memory_mb": {"type": "integer", "minimum": 64, "maximum": 1048576,
              "description": "Memory that it may have (Linux: address space)"},
            "processes": {"type": "integer", "minimum": 0, "maximum": 65535,
              "description": "Processes that it may start"},
            "read_only": {"type": "boolean", "description": "It may write no files"},
            "admin_calls": {"type": "boolean",
              "description": "It may do what changes the machine: mounts, namespaces, other processes"}
          }
        }
      }
    }
  },
  "features": {
    "type": "object", "default": {}, "description": "Features by id",
    "additionalProperties": {
      "type": "object", "additionalProperties": false,
      "properties": {
        "enabled": {"type": "boolean"},
        "isolation": {"type": "string", "enum": ["none", "process"],
          "description": "As for a plugin, for this feature alone"},
        "settings": {"type": "object", "description": "For all uses of the feature; a service's own settings win"}
      }
    }
  },
  "services": {
    "type": "object", "default": {}, "description": "Services that `k2s host run` starts, by name of the instance",
    "additionalProperties": {
      "type": "object", "additionalProperties": false,
      "properties": {
        "feature": {"type": "string", "description": "Id of the feature; the instance's name when absent"},
        "enabled": {"type": "boolean", "default": true},
        "isolation": {"type": "string", "enum": ["none", "process"],
          "description": "As for a plugin, for this instance alone"},
        "settings": {"type": "object", "default": {}, "description": "What the feature's schema declares"}
      }
    }
  },
  "hooks": {
    "type": "object", "default": {}, "additionalProperties": false,
    "description": "Commands that a host with services runs beside them",
    "properties": {
      "started": {"type": "object", "additionalProperties": false, "required": ["command"],
        "description": "Once the services run; they do not wait for it, and a stop ends it",
        "properties": {
          "enabled": {"type": "boolean", "default": true},
          "command": {"type": "array", "minItems": 1, "maxItems": 256, "items": {"type": "string", "minLength": 1},
            "description": "Program and arguments; there is no shell"},
          "deadline_seconds": {"type": "number", "exclusiveMinimum": 0, "maximum": 86400, "default": 900,
            "description": "When it and all it started is ended"}}},
      "stopping": {"type": "object", "additionalProperties": false, "required": ["command"],
        "description": "Before the services drain",
        "properties": {
          "enabled": {"type": "boolean", "default": true},
          "command": {"type": "array", "minItems": 1, "maxItems": 256, "items": {"type": "string", "minLength": 1},
            "description": "Program and arguments; there is no shell"},
          "deadline_seconds": {"type": "number", "exclusiveMinimum": 0, "maximum": 3600, "default": 25,
            "description": "When it and all it started is ended"}}},
      "shutdown": {"type": "object", "additionalProperties": false, "required": ["command"],
        "description": "In place of stopping when the system goes down (Windows)",
        "properties": {
          "enabled": {"type": "boolean", "default": true},
          "command": {"type": "array", "minItems": 1, "maxItems": 256, "items": {"type": "string", "minLength": 1},
            "description": "Program and arguments; there is no shell"},
          "deadline_seconds": {"type": "number", "exclusiveMinimum": 0, "maximum": 3600, "default": 25,
            "description": "When it and all it started is ended"}}}
    }
  },
  "limits": {
    "type": "object", "default": {}, "additionalProperties": false,
    "description": "Bounds on plugins and services",
    "properties": {
      "probe_seconds": {"type": "number", "exclusiveMinimum": 0, "maximum": 600, "default": 10,
        "description": "Time that a new plugin may take in the probe process"},
      "create_seconds": {"type": "number", "exclusiveMinimum": 0, "maximum": 600, "default": 30,
        "description": "Time that a plugin's start-up may take in this process: that of a new plugin, and of each in a host that runs services"},
      "drain_seconds": {"type": "number", "minimum": 0, "maximum": 3600, "default": 30,
        "description": "Time that running work gets to end before a stop"}
    }
  }
}
})json";

} // namespace

const nlohmann::json &core_schema() {
    static const nlohmann::json schema = nlohmann::json::parse(k_schema);
    return schema;
}

const nlohmann::json &core_defaults() {
    static const nlohmann::json defaults = [] {
        nlohmann::json tree = nlohmann::json::object();
        apply_defaults(core_schema(), tree);
        return tree;
    }();
    return defaults;
}

} // namespace k2s::core
