package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"go.yaml.in/yaml/v4"
)

// readConfig makes a resolver of a YAML file whose keys are the names of flags. A key that no flag has is a mistake, and
// said so.
func readConfig(r io.Reader) (kong.Resolver, error) {
	c := &configFile{name: "the configuration file"}
	if file, ok := r.(*os.File); ok {
		c.name = file.Name()
	}
	content, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	if err := yaml.Unmarshal(content, &c.values); err != nil {
		return nil, fmt.Errorf("%s is no YAML of flags and values: %w", c.name, err)
	}
	return c, nil
}

type configFile struct {
	name   string
	values map[string]yaml.Node
}

// Validate refuses keys that no flag has.
func (c *configFile) Validate(app *kong.Application) error {
	var known []string
	for _, command := range app.Leaves(false) {
		for _, group := range command.AllFlags(false) {
			for _, flag := range group {
				known = append(known, flag.Name)
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(c.values)) {
		if !slices.Contains(known, key) {
			return fmt.Errorf("%s has the key %q, and no flag has that name", c.name, key)
		}
	}
	return nil
}

// Resolve gives a flag's value as the text that stands in the file (an account begins with zeros); lists with commas. An
// environment variable counts more than the file, which kong would have the other way round.
func (c *configFile) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	node, ok := c.values[flag.Name]
	switch {
	case !ok, node.Tag == "!!null", slices.ContainsFunc(flag.Envs, isSet):
		return nil, nil
	case node.Kind == yaml.ScalarNode:
		return node.Value, nil
	}
	var texts []string
	for _, member := range node.Content {
		if node.Kind != yaml.SequenceNode || member.Kind != yaml.ScalarNode {
			return nil, fmt.Errorf("%s has neither a value nor a list of values for it", c.name)
		}
		texts = append(texts, member.Value)
	}
	return strings.Join(texts, ","), nil
}

func isSet(variable string) bool {
	_, found := os.LookupEnv(variable)
	return found
}
