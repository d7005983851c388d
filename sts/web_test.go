package sts

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"idpool/iam"
	"idpool/identity"
	"idpool/issuer"
	"idpool/store"
	"idpool/wire"
)

// The residents of a service that a test has set up.
const (
	home    = "123456789012"
	foreign = "999999999999"
	trusted = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"cognito-identity.amazonaws.com"},` +
		`"Action":["sts:AssumeRoleWithWebIdentity","sts:TagSession"],"Condition":{"ForAllValues:StringEquals":{"aws:TagKeys":["team"]}}}]}`
)

var (
	poolID  = identity.ID{15: 1}
	aliceID = identity.ID{15: 2}
)

// inhabit puts a pool with one identity, and a role that trusts it, into a service's database, and lets it mint tokens.
func inhabit(t *testing.T, s *Service) {
	t.Helper()
	master, err := store.NewMaster(make([]byte, store.MasterKeySize))
	if err != nil {
		t.Fatal(err)
	}
	err = s.DB.Update(t.Context(), func(tx *store.Tx) error {
		for _, account := range []string{home, foreign} {
			role := store.Role{Account: account, Name: "R", Path: "/", UniqueID: "AROA" + account, Trust: trusted, MaxSession: time.Hour}
			if err := errors.Join(tx.CreateAccount(account), tx.CreateRole(&role)); err != nil {
				return err
			}
		}
		pool := &identity.Pool{Key: 1, ID: poolID, Account: home, Region: "us-east-1"}
		return errors.Join(tx.CreatePool(pool), tx.CreateIdentity(1, aliceID))
	})
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	s.IAM = &iam.Service{DB: s.DB, Master: master, Now: s.Now, Rand: rand.Reader, Log: log}
	s.Issuer = &issuer.Issuer{URL: "https://id.example.com", Algorithm: "ES256", DB: s.DB, Master: master, Now: s.Now, Rand: rand.Reader, Log: log}
	if err := errors.Join(s.IAM.Init(), s.Issuer.Refresh(t.Context())); err != nil {
		t.Fatal(err)
	}
}

// What a session token is good for goes by what is there today: role, pool and identity, and the epochs that end sessions
// which were made before them.
func TestKeyState(t *testing.T) {
	s := newService(t)
	inhabit(t, s)
	for _, row := range []struct {
		name   string
		change func(*Session)
		want   error
	}{
		{"as it is", func(*Session) {}, nil},
		{"of no pool", func(s *Session) { s.Identity = nil }, nil},
		{"expired", func(s *Session) { s.Expires = now }, wire.ErrExpiredToken},
		{"in its last second", func(s *Session) { s.Expires = now.Add(time.Second) }, nil},
		{"before the role's sessions were revoked", func(s *Session) { s.Epoch = -1 }, wire.ErrUnknownKey},
		{"of no pool, before the role's sessions were revoked", func(s *Session) { s.Epoch, s.Identity = -1, nil }, wire.ErrUnknownKey},
		{"before the pool's sessions were revoked", func(s *Session) { s.Identity.PoolEpoch = -1 }, wire.ErrUnknownKey},
		{"before the identity's sessions were revoked", func(s *Session) { s.Identity.Epoch = -1 }, wire.ErrUnknownKey},
		{"of a role that is gone", func(s *Session) { s.RoleID = "AROAGONE" }, wire.ErrUnknownKey},
		{"of another account than its role", func(s *Session) { s.Account = foreign }, wire.ErrUnknownKey},
		{"of an identity that is gone", func(s *Session) { s.Identity.ID = identity.ID{} }, wire.ErrUnknownKey},
	} {
		t.Run(row.name, func(t *testing.T) {
			session := &Session{
				Account: home, RoleID: "AROA" + home, Name: "web", Issued: now, Expires: now.Add(time.Hour),
				Identity: &IdentityOf{ID: aliceID, Region: "us-east-1", Pool: poolID},
			}
			row.change(session)
			token, secret, err := seal(s.Keys.Current(), session, testID, testSalt)
			if err != nil {
				t.Fatal(err)
			}
			key, err := s.Key(context.Background(), testID, token)
			if !errors.Is(err, row.want) {
				t.Fatalf("%v, want %v", err, row.want)
			}
			want := wire.Key{Secret: secret, Caller: wire.Caller{
				Account: home, AccessKeyID: testID, ARN: "arn:aws:sts::" + home + ":assumed-role/R/web", UserID: "AROA" + home + ":web",
			}}
			if row.want != nil {
				want = wire.Key{}
			}
			key.Caller.Session, key.Caller.AccountVersion = nil, 0 // what iam is told is tested through the front door
			if diff := cmp.Diff(want, key); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// A token of ours is believed only as far as what it says is so.
func TestTokensOfOurs(t *testing.T) {
	s := newService(t)
	inhabit(t, s)
	good := issuer.Claims{Subject: aliceID.In("us-east-1"), Audience: poolID.In("us-east-1"), AMR: []string{"unauthenticated"}}
	for _, row := range []struct {
		name   string
		change func(*issuer.Claims)
		role   string
		cause  string // empty: good
	}{
		{"as it is", func(*issuer.Claims) {}, home, ""},
		{"with tags that the role takes", func(c *issuer.Claims) { c.Tags = tags("team", "ops") }, home, ""},
		{"with tags that the role does not take", func(c *issuer.Claims) { c.Tags = tags("level", "9") }, home, "does not allow"},
		{"of another pool", func(c *issuer.Claims) { c.Audience = identity.ID{15: 3}.In("us-east-1") }, home, "is not of pool"},
		{"of another region's pool", func(c *issuer.Claims) { c.Audience = poolID.In("eu-west-1") }, home, "is not of pool"},
		{"for an identity that is not there", func(c *issuer.Claims) { c.Subject = poolID.In("us-east-1") }, home, "is gone"},
		{"for an identity of another region", func(c *issuer.Claims) { c.Subject = aliceID.In("eu-west-1") }, home, "is gone"},
		{"for no identity", func(c *issuer.Claims) { c.Subject = "alice" }, home, "subject: not an id"},
		{"for a role of another account, which names no pool", func(*issuer.Claims) {}, foreign, "a condition that binds cognito-identity.amazonaws.com:aud is required"},
		{"for a role of an account that is not there", func(*issuer.Claims) {}, "111111111111", "there is no account 111111111111"},
	} {
		t.Run(row.name, func(t *testing.T) {
			claims := good
			row.change(&claims)
			token, err := s.Issuer.Mint(t.Context(), claims, time.Minute)
			if err != nil {
				t.Fatal(err)
			}
			out, err := s.AssumeRoleWithWebIdentity(t.Context(), &AssumeRoleWithWebIdentityInput{
				RoleArn: "arn:aws:iam::" + row.role + ":role/R", RoleSessionName: "web", WebIdentityToken: token,
			})
			if row.cause != "" {
				if !errors.Is(err, ErrAccessDenied) || !strings.Contains(err.Error(), row.cause) {
					t.Errorf("%v, want ErrAccessDenied and %q", err, row.cause)
				}
				if strings.Contains(err.Error(), claims.Subject) {
					t.Errorf("the log would get a guest's secret: %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			session, _, err := s.open(t.Context(), out.Credentials.AccessKeyId, out.Credentials.SessionToken)
			if err != nil {
				t.Fatal(err)
			}
			want := &Session{
				Account: home, RoleID: "AROA" + home, Name: "web", Issued: now, Expires: now.Add(time.Hour),
				Identity: &IdentityOf{ID: aliceID, Account: home, Region: "us-east-1", Pool: poolID, AMR: []string{"unauthenticated"}},
			}
			if claims.Tags != nil {
				want.Tags = map[string]string{"team": "ops"}
			}
			if diff := cmp.Diff(want, session); diff != "" {
				t.Errorf("the session (-want +got):\n%s", diff)
			}
		})
	}
}

func tags(key, value string) *issuer.Tags {
	return &issuer.Tags{Principal: map[string][]string{key: {value}}}
}

// A guest's session is marked, so that the guests' session policies apply wherever it is used. Whose session it is, and
// under which epochs it was made, goes along.
func TestIssuedSession(t *testing.T) {
	s := newService(t)
	inhabit(t, s)
	of := IdentityOf{ID: aliceID, Account: home, Region: "us-east-1", Pool: poolID, PoolEpoch: 3, Epoch: 4, AMR: []string{"unauthenticated"}}
	assumed, err := s.Issue(t.Context(), &Request{
		Account: home, AccountVersion: 1, RoleARN: "arn:aws:iam::" + home + ":role/R", SessionName: "web", Lifetime: time.Hour,
		Flow: EnhancedGuest, Policy: "{}", Identity: of, Web: WebIdentity{Subject: aliceID.In("us-east-1")},
	})
	if err != nil {
		t.Fatal(err)
	}
	session, _, err := s.open(t.Context(), assumed.Credentials.AccessKeyId, assumed.Credentials.SessionToken)
	if err != nil {
		t.Fatal(err)
	}
	want := &Session{
		Account: home, RoleID: "AROA" + home, Name: "web", Issued: now, Expires: now.Add(time.Hour), Flow: EnhancedGuest, Policy: "{}", Identity: &of,
	}
	if diff := cmp.Diff(want, session); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
