module k2s.test/bench/yamlv3

go 1.19

require gopkg.in/yaml.v3 v3.0.1
