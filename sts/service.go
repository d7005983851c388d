package sts

import (
	"context"
	"encoding/base32"
	"errors"
	"io"
	"time"

	"idpool/iam"
	"idpool/issuer"
	"idpool/provider"
	"idpool/store"
	"idpool/wire"
)

// Service makes and reads temporary credentials. Set the fields, then use it from any number of goroutines.
type Service struct {
	DB     *store.DB
	Keys   *store.Keyring
	IAM    *iam.Service
	Issuer *issuer.Issuer
	// Verifier asks identity providers of IAM; the process has one.
	Verifier *provider.Verifier
	Now      func() time.Time
	Rand     io.Reader
}

// API is the table of the STS operations.
func (s *Service) API() *wire.Service {
	return &wire.Service{
		Name: "sts", Version: "2011-06-15", Namespace: "https://sts.amazonaws.com/doc/2011-06-15/",
		Shapes: shapes(), MapError: mapError,
		Operations: []wire.Operation{
			wire.Signed("AssumeRole", s.AssumeRole),
			wire.Public("AssumeRoleWithSAML", s.AssumeRoleWithSAML),
			wire.Public("AssumeRoleWithWebIdentity", s.AssumeRoleWithWebIdentity),
			wire.Signed("GetAccessKeyInfo", s.GetAccessKeyInfo),
			wire.Signed("GetCallerIdentity", s.GetCallerIdentity),
			wire.Signed("GetSessionToken", s.GetSessionToken),
		},
	}
}

// Key finds the key of temporary credentials. It returns wire.ErrUnknownKey for a token that was not issued here, belongs
// to another access key id or was revoked, and wire.ErrExpiredToken for one whose time is over.
func (s *Service) Key(ctx context.Context, accessKeyID, token string) (wire.Key, error) {
	session, secret, err := s.open(ctx, accessKeyID, token)
	if errors.Is(err, errToken) {
		return wire.Key{}, wire.ErrUnknownKey
	}
	if err != nil {
		return wire.Key{}, err
	}
	if !s.Now().Before(session.Expires) {
		return wire.Key{}, wire.ErrExpiredToken
	}
	if session.Key != "" {
		return s.keyOfUser(ctx, session, accessKeyID, secret)
	}
	state, err := s.state(ctx, session)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return wire.Key{}, wire.ErrUnknownKey
	case err != nil:
		return wire.Key{}, err
	case state.Account != session.Account || session.revoked(&state):
		return wire.Key{}, wire.ErrUnknownKey
	}
	caller, err := session.caller(&state, accessKeyID)
	return wire.Key{Secret: secret, Caller: caller}, err
}

// caller is whoever signs with the session's credentials.
func (s *Session) caller(state *store.Session, accessKeyID string) (wire.Caller, error) {
	permissions, err := s.permissions(state)
	if err != nil {
		return wire.Caller{}, err
	}
	return wire.Caller{
		Account: s.Account, AccessKeyID: accessKeyID, ARN: assumedRoleARN(s.Account, state.RoleName, s.Name),
		UserID: s.RoleID + ":" + s.Name, AccountVersion: state.AccountVersion, Session: permissions,
	}, nil
}

func (s *Service) open(ctx context.Context, accessKeyID, token string) (*Session, string, error) {
	raw, keyID, err := splitToken(token)
	if err != nil {
		return nil, "", err
	}
	key, err := s.Keys.Find(ctx, keyID)
	if errors.Is(err, store.ErrNotFound) {
		return nil, "", errToken
	}
	if err != nil {
		return nil, "", err
	}
	return open(key, raw, accessKeyID)
}

// state reads what decides whether a session is still good.
func (s *Service) state(ctx context.Context, session *Session) (state store.Session, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		if session.Identity != nil {
			state, err = tx.SessionOfIdentity(session.RoleID, session.Identity.ID)
		} else {
			state, err = tx.SessionOfRole(session.RoleID)
		}
		return err
	})
	return state, err
}

// revoked tells whether an epoch has risen since the session was made.
func (s *Session) revoked(now *store.Session) bool {
	if s.Epoch != now.RoleEpoch {
		return true
	}
	return s.Identity != nil && (s.Identity.PoolEpoch != now.PoolEpoch || s.Identity.Epoch != now.IdentityEpoch)
}

func assumedRoleARN(account, role, session string) string {
	return "arn:aws:sts::" + account + ":assumed-role/" + role + "/" + session
}

// drawKeyID draws an access key id of temporary credentials: ASIA and 16 characters of base32.
func (s *Service) drawKeyID() (id string, salt [saltSize]byte, err error) {
	random := make([]byte, 10+saltSize)
	if _, err := io.ReadFull(s.Rand, random); err != nil {
		return "", salt, err
	}
	copy(salt[:], random[10:])
	return "ASIA" + base32.StdEncoding.EncodeToString(random[:10]), salt, nil
}
