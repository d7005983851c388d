package iam

import (
	"errors"
	"testing"

	"idpool/store"
	"idpool/wire"
)

// Who is meant where a call names nobody: the user who calls, by id and not by a name that may have changed since the key
// was read, or the root. A session of a role is no user.
func TestUserOf(t *testing.T) {
	const account = "123456789012"
	s := newService(t, account)
	alice := &store.User{Account: account, Name: "Alice", Path: "/", UniqueID: "AIDA1"}
	if err := s.DB.Update(t.Context(), func(tx *store.Tx) error { return tx.CreateUser(alice) }); err != nil {
		t.Fatal(err)
	}
	user := wire.Caller{Account: account, User: "Alice", UserID: "AIDA1", ARN: alice.ARN()}
	renamed := user
	renamed.User = "Bob"
	gone := wire.Caller{Account: account, User: "Carol", UserID: "AIDA2"}
	session := wire.Caller{Account: account, UserID: "AROA1:session", ARN: "arn:aws:sts::" + account + ":assumed-role/R/session"}
	root := Root(account, "AKIA1")
	for _, row := range []struct {
		what   string
		caller wire.Caller
		name   string
		want   string // the user's name, or the error's text
	}{
		{"a user of themselves", user, "", "Alice"},
		{"a user who was renamed", renamed, "", "Alice"},
		{"a user who is gone", gone, "", "NoSuchEntity: The user with name Carol cannot be found."},
		{"the root of itself", root, "", ""},
		{"the root of a user", root, "ALICE", "Alice"},
		{"the root of nobody", root, "Carol", "NoSuchEntity: The user with name Carol cannot be found."},
		{"a session of itself", session, "", "ValidationError: Must specify userName when calling with non-User credentials"},
		{"a session of a user", session, "alice", "Alice"},
	} {
		var got string
		err := s.DB.View(t.Context(), func(tx *store.Tx) error {
			u, err := userOf(tx, row.caller, row.name)
			got = userName(u)
			return err
		})
		if err != nil {
			got = err.Error()
		}
		if got != row.want {
			t.Errorf("%s: %s, want %s", row.what, got, row.want)
		}
	}
	// Until a policy allows it, a session hears no more than that.
	var denied *Denied
	if _, err := s.GetUser(t.Context(), session, &GetUserInput{}); !errors.As(err, &denied) || denied.Resource != "arn:aws:iam::"+account+":user/*" {
		t.Errorf("GetUser of a session: %v", err)
	}
}
