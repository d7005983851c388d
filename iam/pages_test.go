package iam

import (
	"encoding/xml"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// Pages make up the list, whether each is cut from all entries or from those that a query has read for it.
func TestPages(t *testing.T) {
	self := func(s string) string { return s }
	var all []string
	for i := range 10 {
		all = append(all, fmt.Sprintf("%0200d", i))
	}
	for limit := 1; limit <= 11; limit++ {
		for _, byQuery := range []bool{false, true} {
			var got []string
			marker := ""
			for pages := 1; ; pages++ {
				p, err := openPage(marker, limit, "ListUsers", "123456789012")
				if err != nil {
					t.Fatal(err)
				}
				entries := all
				if byQuery {
					from := len(got)
					entries = all[from:min(from+p.read(), len(all))]
				}
				shown, end := cutPage(p, entries, self)
				got, marker = append(got, shown...), end.Marker
				if end.IsTruncated != (marker != "") || len(marker) > 320 || len(shown) > limit {
					t.Fatalf("a page of %d with the end %+v", len(shown), end)
				}
				if marker == "" {
					if want := (len(all) + limit - 1) / limit; pages != want {
						t.Errorf("%d pages of %d, want %d", pages, limit, want)
					}
					break
				}
			}
			if !slices.Equal(got, all) {
				t.Errorf("%d items a page: %v", limit, got)
			}
		}
	}
	p, _ := openPage("", 0, "ListUsers", "123456789012")
	if shown, _ := cutPage(p, make([]string, 200), self); len(shown) != 0 || p.limit != 100 {
		t.Errorf("without MaxItems: %d entries a page, %d of those whose keys are empty", p.limit, len(shown))
	}
}

// A page goes on where the last one has ended, also if that entry is gone.
func TestPageAfterDeletion(t *testing.T) {
	p, err := openPage((&pager{list: "L"}).marker("b"), 0, "L")
	if err != nil {
		t.Fatal(err)
	}
	if shown, end := cutPage(p, []string{"a", "c", "d"}, strings.Clone); !slices.Equal(shown, []string{"c", "d"}) || end.IsTruncated {
		t.Errorf("after b: %v, %+v", shown, end)
	}
}

func TestMarkers(t *testing.T) {
	good := (&pager{list: "ListUsers\x00123456789012\x00/"}).marker("alice")
	for _, row := range []struct {
		name   string
		marker string
		list   []string
		ok     bool
	}{
		{"its own list", good, []string{"ListUsers", "123456789012", "/"}, true},
		{"another operation", good, []string{"ListRoles", "123456789012", "/"}, false},
		{"another account", good, []string{"ListUsers", "999999999999", "/"}, false},
		{"another prefix", good, []string{"ListUsers", "123456789012", "/a/"}, false},
		{"cut short", good[:8], []string{"ListUsers", "123456789012", "/"}, false},
		{"no key", (&pager{list: "L"}).marker(""), []string{"L"}, false},
		{"not base64", "!", []string{"ListUsers", "123456789012", "/"}, false},
		{"another spelling", good[:len(good)-1] + string(good[len(good)-1]+1), []string{"ListUsers", "123456789012", "/"}, false},
	} {
		if p, err := openPage(row.marker, 0, row.list...); (err == nil) != row.ok || row.ok && p.after != "alice" {
			t.Errorf("%s: after %q, %v", row.name, p.after, err)
		}
	}
}

func TestTagPages(t *testing.T) {
	tags := make(map[string]string)
	for i := range 50 { // keys that are longer than a marker may be
		tags[fmt.Sprintf("%s%02d", strings.Repeat("\U0001F511", 126), i)] = "v"
	}
	var got []Tag
	for marker := ""; ; {
		p, err := openPage(marker, 20, "ListUserTags", "123456789012", "alice")
		if err != nil {
			t.Fatal(err)
		}
		page, err := tagPage(p, tags)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, page.Tags...)
		if marker = page.Marker; marker == "" {
			break
		}
	}
	if !slices.Equal(got, sortedTags(tags)) {
		t.Errorf("%d tags by page", len(got))
	}
	for _, after := range []string{"-1", "alice", "99999999999999999999"} {
		if _, err := tagPage(pager{after: after, limit: 1}, tags); err == nil {
			t.Errorf("the place %s was taken", after)
		}
	}
	if page, err := tagPage(pager{after: "51", limit: 1}, tags); err != nil || len(page.Tags) != 0 || page.IsTruncated {
		t.Errorf("after the end: %+v, %v", page, err)
	}
	page, _ := tagPage(pager{limit: 1}, map[string]string{"a": "1", "b": "2"})
	if b, err := xml.Marshal(page); err != nil || string(b) != "<TagPage><Tags><member><Key>a</Key><Value>1</Value></member></Tags><IsTruncated>true</IsTruncated><Marker>"+page.Marker+"</Marker></TagPage>" {
		t.Errorf("%s, %v", b, err)
	}
}
