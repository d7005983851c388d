package sts

import (
	"context"
	"errors"
	"time"

	"idpool/iam"
	"idpool/policy"
	"idpool/store"
	"idpool/wire"
)

// Lifetimes of the sessions of GetSessionToken.
const (
	userLifetime    = 12 * time.Hour
	maxRootLifetime = time.Hour
)

// grant makes the credentials of a session of a role that somebody may assume: all ways lead here. What the session says of
// the role and of its times is filled in.
func (s *Service) grant(role *iam.Role, lifetime time.Duration, session *Session) (*Assumed, error) {
	if lifetime > role.MaxSession {
		return nil, errTooLong
	}
	session.Account, session.RoleID, session.Epoch = role.Account, role.UniqueID, role.Epoch
	credentials, err := s.credentials(session, lifetime)
	if err != nil {
		return nil, err
	}
	return &Assumed{
		Role: role, ARN: assumedRoleARN(role.Account, role.Name, session.Name), Credentials: credentials, Packed: session.packed(),
	}, nil
}

// credentials seals a session that begins now.
func (s *Service) credentials(session *Session, lifetime time.Duration) (Credentials, error) {
	id, salt, err := s.drawKeyID()
	if err != nil {
		return Credentials{}, err
	}
	session.Issued = s.Now().UTC().Truncate(time.Second)
	session.Expires = session.Issued.Add(lifetime)
	token, secret, err := seal(s.Keys.Current(), session, id, salt)
	if err != nil {
		return Credentials{}, err
	}
	return Credentials{AccessKeyId: id, SecretAccessKey: secret, SessionToken: token, Expiration: wire.Time{Time: session.Expires}}, nil
}

// GetSessionTokenInput is the input of GetSessionToken.
type GetSessionTokenInput struct {
	DurationSeconds int64  `api:"durationSecondsType"`
	SerialNumber    string `api:"serialNumberType"`
	TokenCode       string `api:"tokenCodeType"`
}

// GetSessionTokenOutput is the output of GetSessionToken.
type GetSessionTokenOutput struct {
	Credentials Credentials
}

// GetSessionToken gives a user, or the root, temporary credentials for what they may do anyway. It needs no permission, and
// no policy can deny it ("Permissions for GetSessionToken", IAM guide).
func (s *Service) GetSessionToken(_ context.Context, c wire.Caller, in *GetSessionTokenInput) (*GetSessionTokenOutput, error) {
	switch {
	case c.Session != nil:
		return nil, forbidden("Cannot call GetSessionToken with session credentials")
	case c.AccessKeyID == "": // through the socket, where nobody signs
		return nil, forbidden("Cannot call GetSessionToken without an access key")
	}
	if err := noMFA(in.SerialNumber, in.TokenCode); err != nil {
		return nil, err
	}
	lifetime := userLifetime
	if in.DurationSeconds > 0 {
		lifetime = time.Duration(in.DurationSeconds) * time.Second
	}
	if c.Root {
		lifetime = min(lifetime, maxRootLifetime)
	}
	credentials, err := s.credentials(&Session{Account: c.Account, Key: c.AccessKeyID}, lifetime)
	if err != nil {
		return nil, err
	}
	return &GetSessionTokenOutput{credentials}, nil
}

// noMFA refuses what a device says: there are no devices here, and to pass over a wrong code would be worse than to say so.
func noMFA(serial, code string) error {
	if serial == "" && code == "" {
		return nil
	}
	return forbidden("MultiFactorAuthentication failed with invalid MFA one time pass code.")
}

// keyOfUser finds the key of a session that is not a role's. It lasts no longer than the access key that it was made with: who
// takes a key away means the sessions too.
func (s *Service) keyOfUser(ctx context.Context, session *Session, accessKeyID, secret string) (wire.Key, error) {
	key, err := s.IAM.Key(ctx, session.Key)
	if err != nil {
		return wire.Key{}, err
	}
	if key.Caller.Account != session.Account {
		return wire.Key{}, wire.ErrUnknownKey
	}
	key.Secret, key.Caller.AccessKeyID = secret, accessKeyID
	key.Caller.Session = &iam.Session{
		Context: policy.Context{{Key: "aws:TokenIssueTime", Values: []string{session.Issued.Format(time.RFC3339)}}},
	}
	return key, nil
}

// GetAccessKeyInfoInput is the input of GetAccessKeyInfo.
type GetAccessKeyInfoInput struct {
	AccessKeyId string `api:"accessKeyIdType,required"`
}

// GetAccessKeyInfoOutput is the output of GetAccessKeyInfo.
type GetAccessKeyInfoOutput struct {
	Account string
}

// GetAccessKeyInfo tells which account a long-lived access key is of, whoever asks. Of temporary keys the id alone says
// nothing, and nobody keeps a list.
func (s *Service) GetAccessKeyInfo(ctx context.Context, c wire.Caller, in *GetAccessKeyInfoInput) (*GetAccessKeyInfoOutput, error) {
	if session, temporary := c.Session.(*iam.Session); temporary && session.RoleID == "" {
		return nil, forbidden("Cannot call GetAccessKeyInfo with session credentials")
	}
	if err := s.IAM.Authorize(ctx, c, "sts:GetAccessKeyInfo", "*"); err != nil {
		return nil, err
	}
	account, err := s.IAM.AccountOf(ctx, in.AccessKeyId)
	if errors.Is(err, store.ErrNotFound) {
		return nil, validation("There is no long-lived access key " + in.AccessKeyId + ".")
	}
	if err != nil {
		return nil, err
	}
	return &GetAccessKeyInfoOutput{account}, nil
}
