package identity_test

import (
	"crypto/sha256"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"idpool/identity"
)

func TestParseID(t *testing.T) {
	for _, row := range []struct {
		text   string
		region string
		ok     bool
	}{
		{"us-east-1:8942d0d9-2a33-4114-9c1c-664a7a785856", "us-east-1", true},
		{"local:00000000-0000-0000-0000-000000000000", "local", true},
		{"us-east-1:157d6171-eec7-cff5-cc89-0123456789ab", "us-east-1", true}, // as of 2024: no version, no variant
		{"us-east-1:ffffffff-ffff-ffff-ffff-ffffffffffff", "us-east-1", true},

		{"", "", false},
		{":", "", false},
		{"us-east-1", "", false},
		{"us-east-1:", "", false},
		{":8942d0d9-2a33-4114-9c1c-664a7a785856", "", false},
		{"8942d0d9-2a33-4114-9c1c-664a7a785856", "", false},
		{"us-east-1:8942D0D9-2a33-4114-9c1c-664a7a785856", "", false},
		{"us-east-1:8942d0d92a3341149c1c664a7a785856", "", false},
		{"us-east-1:8942d0d92-a33-4114-9c1c-664a7a785856", "", false},
		{"us-east-1:8942d0d9-2a33-4114-9c1c-664a7a78585", "", false},
		{"us-east-1:8942d0d9-2a33-4114-9c1c-664a7a7858567", "", false},
		{"us-east-1:8942d0d9-2a33-4114-9c1c-664a7a78585g", "", false},
		{"us-east-1:8942d0d9-2a33-4114-9c1c-664a7a7858--", "", false},
		{"us-east-1:-942d0d9-2a33-4114-9c1c-664a7a785856", "", false},
		{"us-east-1:us-east-1:8942d0d9-2a33-4114-9c1c-664a7a785856", "", false},
		{" us-east-1:8942d0d9-2a33-4114-9c1c-664a7a785856 ", "", false},
	} {
		region, parsed, err := identity.ParseID(row.text)
		switch {
		case !row.ok && !errors.Is(err, identity.ErrID):
			t.Errorf("%q: error %v, want ErrID", row.text, err)
		case row.ok && (err != nil || region != row.region || parsed.In(region) != row.text):
			t.Errorf("%q: %q, %v, %v", row.text, region, parsed.In(region), err)
		}
	}
}

func TestIDRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		made := identity.ID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id"))
		region := rapid.StringMatching(`[a-z0-9-]{1,18}`).Draw(t, "region")
		text := made.In(region)
		if len(text) > 55 {
			t.Errorf("%q is longer than the API's 55 characters", text)
		}
		gotRegion, got, err := identity.ParseID(text)
		if err != nil || gotRegion != region || got != made {
			t.Errorf("%q: %q, %v, %v", text, gotRegion, got, err)
		}
	})
}

// What ParseID takes it writes again letter for letter: an id has one spelling.
func FuzzParseID(f *testing.F) {
	for _, text := range []string{
		"us-east-1:8942d0d9-2a33-4114-9c1c-664a7a785856", "x:157d6171-eec7-cff5-cc89-0123456789ab", "a:b:c", ":", "",
		"us-east-1:8942D0D9-2a33-4114-9c1c-664a7a785856", "é:00000000-0000-0000-0000-000000000000",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		region, parsed, err := identity.ParseID(text)
		switch {
		case err != nil && !errors.Is(err, identity.ErrID):
			t.Errorf("%q: %v", text, err)
		case err == nil && (region == "" || parsed.In(region) != text):
			t.Errorf("%q was read as %q and %v", text, region, parsed.In(region))
		}
	})
}

func TestNewID(t *testing.T) {
	for _, row := range []struct {
		random [16]byte
		want   string
	}{
		{[16]byte{}, "00000000-0000-4000-8000-000000000000"},
		{[16]byte([]byte(strings.Repeat("\xff", 16))), "ffffffff-ffff-4fff-bfff-ffffffffffff"},
	} {
		if got := identity.NewID(row.random).UUID(); got != row.want {
			t.Errorf("NewID(%x) = %s, want %s", row.random, got, row.want)
		}
	}
}

func TestLoginHash(t *testing.T) {
	if got, want := login("a.example", "x").Hash(), sha256.Sum256([]byte("a.example\x00x")); got != want {
		t.Errorf("hash %x, want %x", got, want)
	}
	// As long as an API allows them, and longer than the room that Hash has ready.
	long := login(strings.Repeat("p", 255), strings.Repeat("s", 1024))
	if got, want := long.Hash(), sha256.Sum256([]byte(long.Provider+"\x00"+long.Subject)); got != want {
		t.Errorf("hash of a long login %x, want %x", got, want)
	}
	if login("a", "bc").Hash() == login("ab", "c").Hash() {
		t.Error("two logins have one hash")
	}
}

func TestPoolNames(t *testing.T) {
	p := identity.Pool{ID: identity.ID{15: 7}, Account: "123456789012", Region: "eu-west-1"}
	if got, want := p.FullID(), "eu-west-1:00000000-0000-0000-0000-000000000007"; got != want {
		t.Errorf("id %s, want %s", got, want)
	}
	want := "arn:aws:cognito-identity:eu-west-1:123456789012:identitypool/eu-west-1:00000000-0000-0000-0000-000000000007"
	if got := p.ARN(); got != want {
		t.Errorf("ARN %s, want %s", got, want)
	}
}

func TestHasProviders(t *testing.T) {
	for _, row := range []struct {
		name     string
		settings identity.Settings
		want     bool
	}{
		{"none", identity.Settings{AllowGuests: true}, false},
		{"none, in empty lists", identity.Settings{OIDC: []string{}, Social: map[string]string{}}, false},
		{"social", identity.Settings{Social: map[string]string{"accounts.google.com": "app"}}, true},
		{"OIDC", identity.Settings{OIDC: []string{"arn"}}, true},
		{"a user pool", identity.Settings{UserPools: []identity.UserPool{{Provider: "p"}}}, true},
		{"SAML", identity.Settings{SAML: []string{"arn"}}, true},
		{"a developer's own", identity.Settings{Developer: "login.example"}, true},
	} {
		if got := row.settings.HasProviders(); got != row.want {
			t.Errorf("%s: %v, want %v", row.name, got, row.want)
		}
	}
}
