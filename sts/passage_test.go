package sts

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"idpool/iam"
	"idpool/provider"
	"idpool/wire"
)

// Whatever a token claims, it gives tags that AssumeRole would have taken, or is refused: no name twice, none of ours, and no
// transitive key without its tag.
func FuzzClaimedPassage(f *testing.F) {
	for _, seed := range []string{
		`{}`,
		`{"https://aws.amazon.com/tags":{"principal_tags":{"team":["ops"],"Level":["1"]},"transitive_tag_keys":["TEAM","team"]}}`,
		`{"https://aws.amazon.com/tags":{"principal_tags":{"team":["ops"],"TEAM":["dev"]}}}`,
		`{"https://aws.amazon.com/tags":{"principal_tags":{"aws:team":["ops"]}}}`,
		`{"https://aws.amazon.com/tags/principal_tags/team":["ops"],"https://aws.amazon.com/tags/transitive_tag_keys":["team"]}`,
		`{"https://aws.amazon.com/tags/principal_tags/team":["ops"],"https://aws.amazon.com/tags":{"principal_tags":{"team":["dev"]}}}`,
		`{"https://aws.amazon.com/tags":[],"https://aws.amazon.com/source_identity":"alice"}`,
		`{"https://aws.amazon.com/source_identity":["alice"]}`,
		`{"https://aws.amazon.com/tags":{"principal_tags":{"":[""]},"transitive_tag_keys":[1]}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		p, err := claimedPassage(&provider.Claims{Raw: raw})
		var refused *wire.Error
		if err != nil {
			if !errors.As(err, &refused) || refused.Status >= 500 {
				t.Errorf("%v", err)
			}
			return
		}
		seen := map[string]bool{}
		for key, value := range p.tags {
			lower := strings.ToLower(key)
			if seen[lower] || strings.HasPrefix(lower, "aws:") || !tagKeyForm.MatchString(key) || !tagValueForm.MatchString(value) {
				t.Errorf("tag %q: %q", key, value)
			}
			seen[lower] = true
		}
		for _, key := range p.transitive {
			if _, ok := p.tags[key]; !ok {
				t.Errorf("transitive key %q without a tag", key)
			}
		}
		if p.source != "" && !sourceForm.MatchString(p.source) {
			t.Errorf("source identity %q", p.source)
		}
	})
}

// What is handed on through a chain, whatever calls bring along: the transitive tags stay as they were first set, and nothing
// else passes.
func TestInheritProperty(t *testing.T) {
	key := rapid.SampledFrom([]string{"a", "A", "b", "B", "c"})
	rapid.Check(t, func(t *rapid.T) {
		var from *iam.Session
		first := map[string]string{}
		for step := range rapid.IntRange(1, 5).Draw(t, "steps") {
			p := &passage{tags: map[string]string{}}
			for range rapid.IntRange(0, 3).Draw(t, "tags") {
				p.tags[key.Draw(t, "key")] = fmt.Sprint(step)
			}
			for k := range p.tags {
				if rapid.Bool().Draw(t, "transitive") {
					p.transitive = append(p.transitive, k)
				}
			}
			if tagProblem(p.tags, p.transitive) != "" || p.inherit(from) != "" {
				continue
			}
			s := p.into(&Session{})
			for k, v := range first {
				if s.Tags[k] != v || !slices.Contains(s.Transitive, k) {
					t.Fatalf("step %d: %s was %s, and is %v of %v", step, k, v, s.Tags, s.Transitive)
				}
			}
			for _, k := range s.Transitive {
				if _, ok := first[k]; !ok {
					first[k] = fmt.Sprint(step)
				}
			}
			for k, v := range s.Tags {
				if v != fmt.Sprint(step) && first[k] != v {
					t.Fatalf("step %d: %s=%s has passed without being transitive", step, k, v)
				}
			}
			from = &iam.Session{Tags: maps.Clone(s.Tags), Transitive: s.Transitive}
		}
	})
}

// PackedPolicySize is at most 100 for a session that fits, more for one that does not, and nothing without policies and tags.
func TestPackedProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := anySession().Draw(t, "session")
		s.Policy += strings.Repeat("p", rapid.IntRange(0, 4000).Draw(t, "policy"))
		_, _, err := seal(testKey, s, testID, testSalt)
		percent := s.packed()
		switch {
		case err != nil && (!errors.Is(err, ErrTooLarge) || percent <= 100):
			t.Fatalf("%v, and %d%%", err, percent)
		case err == nil && percent > 100:
			t.Fatalf("it fits by %d%%", percent)
		case (percent == 0) != (s.Policy == "" && len(s.Policies)+len(s.Tags) == 0):
			t.Fatalf("%d%% of %d characters, %d policies, %d tags", percent, len(s.Policy), len(s.Policies), len(s.Tags))
		}
	})
}

// The shortest of what was asked for, what the provider says and when its session ends; never longer than the role allows.
func TestLifetimeProperty(t *testing.T) {
	duration := rapid.Map(rapid.IntRange(900, 43200), func(n int) time.Duration { return time.Duration(n) * time.Second })
	rapid.Check(t, func(t *rapid.T) {
		role := &iam.Role{}
		role.MaxSession = duration.Draw(t, "role") + time.Hour
		f := &federation{}
		if rapid.Bool().Draw(t, "asks") {
			f.asked = duration.Draw(t, "asked")
		}
		if rapid.Bool().Draw(t, "says") {
			f.most = duration.Draw(t, "most")
		}
		if rapid.Bool().Draw(t, "ends") {
			f.until = now.Add(time.Duration(rapid.IntRange(-200, 90000).Draw(t, "until")) * time.Second)
		}
		got, err := f.lifetime(role, now)
		switch {
		case f.asked > role.MaxSession:
			if !errors.Is(err, errTooLong) {
				t.Fatalf("%v, %v", got, err)
			}
		case !f.until.IsZero() && !f.until.After(now):
			if err == nil {
				t.Fatalf("%v past the end", got)
			}
		case err != nil || got <= 0 || got > role.MaxSession || f.asked > 0 && got > f.asked || f.most > 0 && got > f.most ||
			!f.until.IsZero() && now.Add(got).After(f.until):
			t.Fatalf("%v, %v of %+v", got, err, f)
		}
	})
}
