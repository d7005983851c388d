package sts

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"idpool/iam"
	"idpool/identity"
	"idpool/store"
	"idpool/wire"
)

// The parts of the tests' tokens.
var (
	now      = time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	testKey  = &store.OpenKey{ID: 0x0102030405060708, Key: bytes.Repeat([]byte{1}, 32)}
	testSalt = [saltSize]byte{1, 2, 3}
)

const testID = "ASIATESTTESTTESTTEST"

// full is a session in which no field is zero.
func full() *Session {
	return &Session{
		Account: "123456789012", Key: "AKIAKEY", RoleID: "AROAROLE", Name: "CognitoIdentityCredentials", Issued: now, Expires: now.Add(time.Hour),
		Epoch: 3, Policy: `{"Statement":[]}`, Policies: []string{"arn:aws:iam::123456789012:policy/Read"},
		Tags: map[string]string{"team": "ops", "empty": ""}, Flow: EnhancedGuest, Transitive: []string{"team"}, SourceIdentity: "alice",
		Federated: &Federated{
			Provider: "arn:aws:iam::123456789012:oidc-provider/idp.example", Subject: "alice", Audience: "app", AMR: []string{"pwd"},
			Type: "persistent", Qualifier: "hash",
		},
		Identity: &IdentityOf{
			ID: identity.ID{1, 15: 2}, Account: "999999999999", Region: "us-east-1", Pool: identity.ID{3, 15: 4}, PoolEpoch: 5, Epoch: 6,
			AMR: []string{"authenticated", "idp.example", "arn:OIDC:alice"},
		},
	}
}

// What is sealed is what is opened, in every field: a field that encode forgets shows here.
func TestTokenRoundTrip(t *testing.T) {
	bare := full()
	bare.Policy, bare.Policies, bare.Tags, bare.Flow, bare.Identity = "", nil, nil, Classic, nil
	bare.Key, bare.Transitive, bare.SourceIdentity, bare.Federated = "", nil, "", nil
	for name, session := range map[string]*Session{"full": full(), "bare": bare} {
		token, secret, err := seal(testKey, session, testID, testSalt)
		if err != nil {
			t.Fatal(err)
		}
		raw, keyID, err := splitToken(token)
		if err != nil || keyID != testKey.ID {
			t.Fatalf("%s: sealing key %x, %v", name, keyID, err)
		}
		got, gotSecret, err := open(testKey, raw, testID)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(session, got); diff != "" {
			t.Errorf("%s (-sealed +opened):\n%s", name, diff)
		}
		if secret != gotSecret || len(secret) != 40 {
			t.Errorf("%s: secrets %q and %q, want one of 40 characters", name, secret, gotSecret)
		}
	}
	for _, part := range []any{*full(), *full().Identity, *full().Federated} {
		for i, v := 0, reflect.ValueOf(part); i < v.NumField(); i++ {
			if v.Field(i).IsZero() {
				t.Errorf("the full session lacks %s: the round trip says nothing of it", v.Type().Field(i).Name)
			}
		}
	}
}

func anySession() *rapid.Generator[*Session] {
	return rapid.Custom(func(t *rapid.T) *Session {
		text := rapid.StringN(0, 20, 40)
		second := rapid.Map(rapid.Int64Range(0, 1<<34), func(n int64) time.Time { return time.Unix(n, 0).UTC() })
		s := &Session{
			Account: text.Draw(t, "account"), RoleID: text.Draw(t, "role"), Name: text.Draw(t, "name"), Policy: text.Draw(t, "policy"),
			Issued: second.Draw(t, "issued"), Expires: second.Draw(t, "expires"), Epoch: rapid.Int64().Draw(t, "epoch"),
			Flow: rapid.SampledFrom([]Flow{Classic, Enhanced, EnhancedGuest}).Draw(t, "flow"),
		}
		list := func(label string) []string { // nil for an empty one, as it is read
			return append([]string(nil), rapid.SliceOfN(text, 0, 4).Draw(t, label)...)
		}
		s.Key, s.SourceIdentity = text.Draw(t, "key"), text.Draw(t, "source identity")
		s.Policies, s.Transitive = list("policies"), list("transitive")
		if tags := rapid.MapOfN(text, text, 0, 5).Draw(t, "tags"); len(tags) > 0 {
			s.Tags = tags
		}
		if rapid.Bool().Draw(t, "of a pool") {
			s.Identity = &IdentityOf{
				ID: identity.ID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id")), Pool: identity.ID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "pool")),
				Account: text.Draw(t, "pool's account"), Region: text.Draw(t, "region"), PoolEpoch: rapid.Int64().Draw(t, "pool epoch"), Epoch: rapid.Int64().Draw(t, "identity epoch"),
			}
			s.Identity.AMR = list("amr")
		}
		if rapid.Bool().Draw(t, "of a provider") {
			s.Federated = &Federated{
				Provider: text.Draw(t, "provider"), Subject: text.Draw(t, "subject"), Audience: text.Draw(t, "audience"), AMR: list("methods"),
				Type: text.Draw(t, "type"), Qualifier: text.Draw(t, "qualifier"),
			}
		}
		return s
	})
}

func TestEncodeRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := anySession().Draw(t, "session")
		got, err := decodeSession(s.encode())
		if err != nil || !reflect.DeepEqual(got, s) {
			t.Fatalf("%v (-encoded +decoded):\n%s", err, cmp.Diff(s, got))
		}
	})
}

// A token is opened only as it was made: whole, unchanged, with its access key id and its sealing key.
func TestTokenRefused(t *testing.T) {
	token, _, err := seal(testKey, full(), testID, testSalt)
	if err != nil {
		t.Fatal(err)
	}
	try := func(key *store.OpenKey, token, accessKeyID string) error {
		raw, keyID, err := splitToken(token)
		if err != nil {
			return err
		}
		if keyID != key.ID {
			return errToken // no such sealing key
		}
		_, _, err = open(key, raw, accessKeyID)
		return err
	}
	if err := try(testKey, token, testID); err != nil {
		t.Fatal(err)
	}
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	for i := range token {
		others := []string{"=", "\n", " ", "\x00", "-"}
		if at := strings.IndexByte(alphabet, token[i]); at >= 0 {
			others = append(others, alphabet[at^1:at^1+1], alphabet[at^32:at^32+1])
		}
		for _, other := range others {
			if other == token[i:i+1] {
				continue
			}
			if err := try(testKey, token[:i]+other+token[i+1:], testID); !errors.Is(err, errToken) {
				t.Errorf("character %d changed to %q: %v", i, other, err)
			}
		}
		if err := try(testKey, token[:i], testID); !errors.Is(err, errToken) {
			t.Errorf("cut to %d characters: %v", i, err)
		}
	}
	for name, err := range map[string]error{
		"longer":                          try(testKey, token+"AAAA", testID),
		"another access key id":           try(testKey, token, "ASIATESTTESTTESTTESU"),
		"no access key id":                try(testKey, token, ""),
		"a prefix of the access key id":   try(testKey, token, testID[:19]),
		"another sealing key of that id":  try(&store.OpenKey{ID: testKey.ID, Key: bytes.Repeat([]byte{2}, 32)}, token, testID),
		"longer than any":                 try(testKey, strings.Repeat("A", MaxToken+4), testID),
		"of another version of this form": try(testKey, "AQ"+token[2:], testID),
	} {
		if !errors.Is(err, errToken) {
			t.Errorf("%s: %v, want errToken", name, err)
		}
	}
}

// Each session has a key of its own, and the secret goes with the access key id.
func TestTokensDiffer(t *testing.T) {
	first, firstSecret, err := seal(testKey, full(), testID, testSalt)
	if err != nil {
		t.Fatal(err)
	}
	second, secondSecret, err := seal(testKey, full(), testID, [saltSize]byte{9})
	if err != nil {
		t.Fatal(err)
	}
	if first[64:] == second[64:] || firstSecret == secondSecret {
		t.Error("two sessions under different salts have one ciphertext or one secret")
	}
	_, other, err := seal(testKey, full(), "ASIATESTTESTTESTTESU", testSalt)
	if err != nil || other == firstSecret {
		t.Errorf("two access key ids have one secret, %v", err)
	}
}

func TestTokenTooLarge(t *testing.T) {
	session := full()
	longest := 0
	for n := 2048; ; n++ {
		session.Policy = strings.Repeat("p", n)
		token, _, err := seal(testKey, session, testID, testSalt)
		if errors.Is(err, ErrTooLarge) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if longest = len(token); longest > MaxToken {
			t.Fatalf("a token has %d characters", longest)
		}
	}
	if longest != MaxToken {
		t.Errorf("the longest token has %d characters, want %d", longest, MaxToken)
	}
}

func BenchmarkSeal(b *testing.B) {
	b.ReportAllocs()
	session := full()
	for b.Loop() {
		if _, _, err := seal(testKey, session, testID, testSalt); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	b.ReportAllocs()
	token, _, err := seal(testKey, full(), testID, testSalt)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		raw, _, err := splitToken(token)
		if err != nil {
			b.Fatal(err)
		}
		if _, _, err := open(testKey, raw, testID); err != nil {
			b.Fatal(err)
		}
	}
}

// What decodeSession takes means the same when it is written and read again, and nothing makes it panic.
func FuzzDecodeSession(f *testing.F) {
	f.Add(full().encode())
	f.Add((&Session{}).encode())
	f.Add([]byte{})
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01})
	f.Add(append(full().encode(), 0))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := decodeSession(b)
		if err != nil {
			if !errors.Is(err, errToken) {
				t.Error(err)
			}
			return
		}
		again, err := decodeSession(s.encode())
		if err != nil || !reflect.DeepEqual(again, s) {
			t.Errorf("%v: %+v, and once more %+v", err, s, again)
		}
	})
}

// newService makes a service on a new database, with nobody in it.
func newService(t testing.TB) *Service {
	t.Helper()
	clock := func() time.Time { return now }
	db, err := store.Open(context.Background(), filepath.Join(t.TempDir(), "idpool.db"), store.Options{Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	master, err := store.NewMaster(make([]byte, store.MasterKeySize))
	if err != nil {
		t.Fatal(err)
	}
	keys := &store.Keyring{DB: db, Master: master, Now: clock, Rand: rand.Reader}
	if err := keys.Refresh(context.Background()); err != nil {
		t.Fatal(err)
	}
	return &Service{DB: db, Keys: keys, IAM: &iam.Service{DB: db, Master: master}, Now: clock, Rand: rand.Reader}
}

// Whatever a stranger sends as a session token is an unknown key, and never an error of ours.
func FuzzKey(f *testing.F) {
	s := newService(f)
	ours, _, err := seal(s.Keys.Current(), full(), testID, testSalt)
	if err != nil {
		f.Fatal(err)
	}
	theirs, _, err := seal(testKey, full(), testID, testSalt)
	if err != nil {
		f.Fatal(err)
	}
	for _, token := range []string{ours, theirs, ours[:60], "", "=", "AQ==", strings.Repeat("A", MaxToken)} {
		f.Add(testID, token)
	}
	f.Fuzz(func(t *testing.T, id, token string) {
		key, err := s.Key(context.Background(), id, token)
		if !errors.Is(err, wire.ErrUnknownKey) || key != (wire.Key{}) { // there is no role, so none is good
			t.Errorf("%+v, %v; want ErrUnknownKey", key, err)
		}
	})
}

// An access key id looks like those of the original's temporary keys, and no two are the same.
func TestDrawKeyID(t *testing.T) {
	s := &Service{Rand: rand.Reader}
	seen := make(map[string]bool)
	for range 100 {
		id, _, err := s.drawKeyID()
		if err != nil || len(id) != 20 || !strings.HasPrefix(id, "ASIA") || strings.Trim(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") != "" || seen[id] {
			t.Fatalf("%q, %v", id, err)
		}
		seen[id] = true
	}
	s.Rand = io.LimitReader(rand.Reader, 20)
	if _, _, err := s.drawKeyID(); err == nil {
		t.Error("no error without randomness")
	}
}
