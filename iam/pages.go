package iam

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
)

// pager is one page of a list, as a request asks for it with Marker and MaxItems. An operation on a list reads so:
//
//	p, err := openPage(in.Marker, in.MaxItems, "ListUsers", c.Account, in.PathPrefix)
//	users, err := tx.Users(c.Account, in.PathPrefix, p.after, p.read())
//	out.Users, out.Paged = cutPage(p, users, func(u store.User) string { return u.Key })
type pager struct {
	list  string // the operation, the account, and what else says which list it is
	after string // the key of the last entry shown; empty: the first page
	limit int    // how many entries are shown at most
}

// Paged ends a list's reply.
type Paged struct {
	IsTruncated bool
	Marker      string `xml:",omitempty"`
}

// What a list shows without MaxItems.
const defaultItems = 100

// markerText refuses stray bits at the end, so that a marker has one spelling.
var markerText = base64.RawURLEncoding.Strict()

// markerHead is how many bytes of a marker bind it to its list.
const markerHead = 8

// openPage reads the paging members of a request. The list is named by its operation, its account and the members that say
// which entries it has: a marker of another list is a ValidationError, like one that nobody gave out.
//
// A marker is base64url of a digest of the list and the key of the last entry shown. There is nothing in it to seal: who
// makes one up goes on from another place in a list that he may read anyway. With a key of 200 bytes it has 278 of the 320
// characters that the API allows.
func openPage(marker string, maxItems int, list ...string) (pager, error) {
	p := pager{list: strings.Join(list, "\x00"), limit: defaultItems}
	if maxItems > 0 {
		p.limit = maxItems
	}
	if marker == "" {
		return p, nil
	}
	text, err := markerText.DecodeString(marker)
	if err != nil || len(text) <= markerHead || string(text[:markerHead]) != p.head() {
		return p, errMarker
	}
	p.after = string(text[markerHead:])
	return p, nil
}

var errMarker = invalidMember("Invalid Marker.")

func (p *pager) head() string {
	sum := sha256.Sum256([]byte(p.list))
	return string(sum[:markerHead])
}

func (p *pager) marker(last string) string { return markerText.EncodeToString([]byte(p.head() + last)) }

// read is how many entries a query must give, so that cutPage knows whether there are more than are shown.
func (p *pager) read() int { return p.limit + 1 }

// cutPage makes the page of entries in the order of their keys' bytes: those after p.after, as a query for a page gives
// them, or all that there are. Keys differ, are not empty, and have 200 bytes at most.
func cutPage[T any](p pager, entries []T, key func(T) string) ([]T, Paged) {
	from, _ := slices.BinarySearchFunc(entries, p.after, func(entry T, after string) int {
		if key(entry) <= after {
			return -1
		}
		return 1
	})
	entries = entries[from:]
	if len(entries) <= p.limit {
		return entries, Paged{}
	}
	entries = entries[:p.limit:p.limit]
	return entries, Paged{IsTruncated: true, Marker: p.marker(key(entries[p.limit-1]))}
}

// TagPage is the output of the operations that list tags.
type TagPage struct {
	Tags []Tag `xml:"Tags>member"`
	Paged
}

// tagPage makes a page of tags, by key. The marker has the place of the last one shown: the keys of tags can be longer than
// a marker.
func tagPage(p pager, tags map[string]string) (*TagPage, error) {
	from := 0
	if p.after != "" {
		var err error
		if from, err = strconv.Atoi(p.after); err != nil || from < 0 {
			return nil, errMarker
		}
	}
	sorted := sortedTags(tags)
	rest := sorted[min(from, len(sorted)):]
	if len(rest) <= p.limit {
		return &TagPage{Tags: rest}, nil
	}
	return &TagPage{rest[:p.limit], Paged{IsTruncated: true, Marker: p.marker(strconv.Itoa(from + p.limit))}}, nil
}
