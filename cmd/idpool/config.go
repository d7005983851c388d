package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"go.yaml.in/yaml/v4"
)

// readConfig makes a resolver of a YAML file whose keys are the names of flags. A key that no flag has is a mistake, and
// said so.
func readConfig(r io.Reader) (kong.Resolver, error) {
	values := make(map[string]yaml.Node)
	content, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	if err := yaml.Unmarshal(content, &values); err != nil {
		return nil, fmt.Errorf("the configuration file is no YAML of flags and values: %w", err)
	}
	return &configFile{values: values}, nil
}

type configFile struct {
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
	for key := range c.values {
		if !slices.Contains(known, key) {
			return fmt.Errorf("the configuration file has the key %q, and no flag has that name", key)
		}
	}
	return nil
}

// Resolve gives a flag's value as the text that stands in the file (an account begins with zeros); lists with commas.
func (c *configFile) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	node, ok := c.values[flag.Name]
	switch {
	case !ok:
		return nil, nil
	case node.Kind == yaml.ScalarNode:
		return node.Value, nil
	case node.Kind != yaml.SequenceNode:
		return nil, fmt.Errorf("the configuration file has neither a value nor a list for %q", flag.Name)
	}
	texts := make([]string, len(node.Content))
	for i, member := range node.Content {
		texts[i] = member.Value
	}
	return strings.Join(texts, ","), nil
}
