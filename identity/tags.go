package identity

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxTagBytes is how long the keys and values of all principal tags of a token may be together; the figure is that of the
// original's console.
const MaxTagBytes = 460

// MaxPrincipalTags is how many principal tags a token may carry.
const MaxPrincipalTags = 50

// Claims is the map in force, from tag keys to names of claims. What UseDefaults stands for has been seen on the original.
func (m *TagMap) Claims() map[string]string {
	if m.UseDefaults {
		return map[string]string{"client": "aud", "username": "sub"}
	}
	return m.Tags
}

// Read gives the principal tags of a login. A claim that the token lacks, or whose value is empty, gives none; neither does
// a list of several values, since a tag has one.
func (m *TagMap) Read(claims Claims) map[string]string {
	tags := make(map[string]string)
	for key, name := range m.Claims() {
		value, ok := claims.Claim(name)
		if !ok {
			continue
		}
		if texts := claimTexts(value); len(texts) == 1 && texts[0] != "" {
			tags[key] = texts[0]
		}
	}
	return tags
}

// HasTag tells whether a key is among tags. The case of letters doesn't count, as it doesn't in the condition keys of policies.
func HasTag(tags map[string]string, key string) bool {
	if _, ok := tags[key]; ok {
		return true
	}
	for other := range tags {
		if strings.EqualFold(other, key) {
			return true
		}
	}
	return false
}

// TagKeysDiffer tells whether no two keys are the same but for the case of their letters.
func TagKeysDiffer(tags map[string]string) bool {
	seen := make(map[string]string, len(tags))
	for key := range tags {
		if HasTag(seen, key) {
			return false
		}
		seen[key] = ""
	}
	return true
}

// MaxTagValue is how many characters a tag's value may have at an STS.
const MaxTagValue = 256

// TagsFit tells whether tags are few and short enough for a token, and their values such as an STS takes.
func TagsFit(tags map[string]string) bool {
	size := 0
	for key, value := range tags {
		if utf8.RuneCountInString(value) > MaxTagValue || strings.ContainsFunc(value, unicode.IsControl) {
			return false
		}
		size += len(key) + len(value)
	}
	return len(tags) <= MaxPrincipalTags && size <= MaxTagBytes
}
