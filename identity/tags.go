package identity

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

// TagsFit tells whether tags are few and short enough for a token.
func TagsFit(tags map[string]string) bool {
	size := 0
	for key, value := range tags {
		size += len(key) + len(value)
	}
	return len(tags) <= MaxPrincipalTags && size <= MaxTagBytes
}
