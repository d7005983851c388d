package iam

import (
	"maps"
	"slices"
	"strings"
)

// MaxTags is how many tags anything has at most.
const MaxTags = 50

// Tag is a resource tag.
type Tag struct {
	Key   string `api:"tagKeyType,required"`
	Value string `api:"tagValueType,required"`
}

// tagMap keeps the case of keys, but no two may differ in nothing else. Those that begin with aws: are the service's own.
func tagMap(tags []Tag) (map[string]string, error) {
	m := make(map[string]string, len(tags))
	seen := make(map[string]bool, len(tags))
	for _, t := range tags {
		lower := strings.ToLower(t.Key)
		if seen[lower] {
			return nil, invalidInput("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
		}
		if strings.HasPrefix(lower, "aws:") {
			return nil, invalidInput("Tag keys that begin with aws: are reserved: " + t.Key)
		}
		seen[lower], m[t.Key] = true, t.Value
	}
	return m, nil
}

// sortedTags lists tags by key.
func sortedTags(m map[string]string) []Tag {
	tags := make([]Tag, 0, len(m))
	for key, value := range m {
		tags = append(tags, Tag{key, value})
	}
	slices.SortFunc(tags, func(a, b Tag) int { return strings.Compare(a.Key, b.Key) })
	return tags
}

// addTags adds tags to those of a resource, for operations like TagUser. One whose key differs by case alone from an older
// one's takes its place.
func addTags(tags map[string]string, added []Tag) error {
	fresh, err := tagMap(added)
	if err != nil {
		return err
	}
	for key := range fresh {
		removeTag(tags, key)
	}
	maps.Copy(tags, fresh)
	if len(tags) > MaxTags {
		return limitExceeded("The number of tags has reached the maximum limit.")
	}
	return nil
}

// removeTag removes the tag with a key, in any case: no two differ in nothing else.
func removeTag(tags map[string]string, key string) {
	key = strings.ToLower(key)
	maps.DeleteFunc(tags, func(other, _ string) bool { return strings.ToLower(other) == key })
}
