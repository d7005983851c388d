package cognito

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

// maxTags is how many tags a pool may have.
const maxTags = 50

// tagText is what keys and values of tags may hold, after the developer guide's page on tagging.
var tagText = regexp.MustCompile(`^[\p{L}\p{N}\p{Z}_.:/=+\-@]*$`)

// checkTags checks what no constraint of the model says. The original's texts are not known.
func checkTags(tags map[string]string) error {
	if len(tags) > maxTags {
		return invalidParameter("An identity pool can have at most %d tags.", maxTags)
	}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		value := tags[key]
		switch {
		case strings.HasPrefix(strings.ToLower(key), "aws:"):
			return invalidParameter("The prefix aws: of tag keys is reserved.")
		case !tagText.MatchString(key) || !tagText.MatchString(value):
			return invalidParameter("Tag keys and values hold letters, digits, spaces and _ . : / = + - @ only.")
		}
	}
	return nil
}
