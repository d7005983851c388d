package iam

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"slices"
	"strings"

	"idpool/store"
	"idpool/wire"
)

// MaxAccessKeys is how many access keys a user may have, and the root of an account, inactive ones too.
const MaxAccessKeys = 2

// FreshKey is a new access key, the only time its secret is shown.
type FreshKey struct {
	ID     string
	Secret string
	sealed store.Sealed
}

// DrawKey draws an access key. It is good once it is stored.
func DrawKey(random io.Reader, master *store.Master) (FreshKey, error) {
	id, err := uniqueID(random, "AKIA", 20)
	if err != nil {
		return FreshKey{}, err
	}
	b := make([]byte, 30)
	if _, err := io.ReadFull(random, b); err != nil {
		return FreshKey{}, err
	}
	secret := base64.StdEncoding.EncodeToString(b)
	return FreshKey{ID: id, Secret: secret, sealed: master.Seal(accessKeyContext(id), []byte(secret))}, nil
}

func accessKeyContext(id string) string { return "access key " + id }

// StoreForRoot gives the key to the root of an account that is there.
func (k *FreshKey) StoreForRoot(tx *store.Tx, account string) error {
	return k.storeFor(tx, account, nil)
}

// storeFor gives the key to a user of the account; nil is its root.
func (k *FreshKey) storeFor(tx *store.Tx, account string, u *store.User) error {
	return tx.CreateAccessKey(&store.AccessKey{ID: k.ID, Account: account, User: userID(u), Active: true, Secret: k.sealed})
}

func userID(u *store.User) string {
	if u == nil {
		return ""
	}
	return u.UniqueID
}

func userName(u *store.User) string {
	if u == nil {
		return ""
	}
	return u.Name
}

// Key finds a long-lived access key, in one read. It returns wire.ErrUnknownKey for one that does not exist, is inactive or
// has lost its user.
func (s *Service) Key(ctx context.Context, id string) (wire.Key, error) {
	for _, k := range s.Static {
		if k.ID == id {
			return wire.Key{Secret: k.Secret, Caller: Root(k.Account, id)}, nil
		}
	}
	var signer *store.Signer
	err := s.DB.View(ctx, func(tx *store.Tx) (err error) {
		signer, err = tx.Signer(id)
		return err
	})
	switch {
	case errors.Is(err, store.ErrNotFound):
		return wire.Key{}, wire.ErrUnknownKey
	case err != nil:
		return wire.Key{}, err
	case !signer.Active:
		return wire.Key{}, wire.ErrUnknownKey
	}
	secret, err := s.Master.Open(accessKeyContext(id), signer.Secret)
	if err != nil {
		return wire.Key{}, err
	}
	return wire.Key{Secret: string(secret), Caller: callerOf(signer)}, nil
}

// callerOf is who signs by a key.
func callerOf(k *store.Signer) wire.Caller {
	if k.User == "" {
		return Root(k.Account, k.ID)
	}
	u := store.User{Account: k.Account, Path: k.UserPath, Name: k.UserName}
	return wire.Caller{
		Account: k.Account, AccessKeyID: k.ID, ARN: u.ARN(), UserID: k.User, User: k.UserName, AccountVersion: k.AccountVersion,
	}
}

func noSuchKey(id string) error {
	return noSuchEntity("The Access Key with id " + id + " cannot be found.")
}

// AccessKeyInput is the input of CreateAccessKey.
type AccessKeyInput struct {
	UserName string `api:"existingUserNameType"`
}

// CreateAccessKeyOutput is the output of CreateAccessKey.
type CreateAccessKeyOutput struct {
	AccessKey NewAccessKey
}

// NewAccessKey is a key as it is shown once, with its secret.
type NewAccessKey struct {
	UserName        string `xml:",omitempty"` // the root has none
	AccessKeyId     string
	Status          string
	SecretAccessKey string
	CreateDate      wire.Time
}

// CreateAccessKey makes a key for a user, or for whoever calls. Its secret is kept sealed, and never shown again.
func (s *Service) CreateAccessKey(ctx context.Context, c wire.Caller, in *AccessKeyInput) (*CreateAccessKeyOutput, error) {
	if err := s.mayUser(ctx, c, "iam:CreateAccessKey", in.UserName); err != nil {
		return nil, err
	}
	key, err := DrawKey(s.Rand, s.Master)
	if err != nil {
		return nil, err
	}
	out := &CreateAccessKeyOutput{NewAccessKey{AccessKeyId: key.ID, Status: store.KeyStatus(true), SecretAccessKey: key.Secret}}
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		u, err := userOf(tx, c, in.UserName)
		if err != nil {
			return err
		}
		keys, err := tx.AccessKeys(c.Account, userID(u))
		if err != nil {
			return err
		}
		if len(keys) >= MaxAccessKeys {
			return limitExceeded("Cannot exceed quota for AccessKeysPerUser: 2")
		}
		out.AccessKey.UserName, out.AccessKey.CreateDate = userName(u), wire.Time{Time: tx.Now()}
		return key.storeFor(tx, c.Account, u)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// ListAccessKeysInput is the input of ListAccessKeys.
type ListAccessKeysInput struct {
	UserName string `api:"existingUserNameType"`
	Marker   string `api:"markerType"`
	MaxItems int    `api:"maxItemsType"`
}

// ListAccessKeysOutput is the output of ListAccessKeys.
type ListAccessKeysOutput struct {
	AccessKeyMetadata []AccessKeyMetadata `xml:"AccessKeyMetadata>member"`
	Paged
}

// AccessKeyMetadata is a key without its secret.
type AccessKeyMetadata struct {
	UserName    string `xml:",omitempty"` // the root has none
	AccessKeyId string
	Status      string
	CreateDate  wire.Time
}

// ListAccessKeys lists the keys of a user, or of whoever calls, by id. Keys that stand in the configuration are not listed.
func (s *Service) ListAccessKeys(ctx context.Context, c wire.Caller, in *ListAccessKeysInput) (*ListAccessKeysOutput, error) {
	if err := s.mayUser(ctx, c, "iam:ListAccessKeys", in.UserName); err != nil {
		return nil, err
	}
	var u *store.User
	var keys []store.AccessKey
	err := s.DB.View(ctx, func(tx *store.Tx) (err error) {
		if u, err = userOf(tx, c, in.UserName); err != nil {
			return err
		}
		keys, err = tx.AccessKeys(c.Account, userID(u))
		return err
	})
	if err != nil {
		return nil, err
	}
	p, err := openPage(in.Marker, in.MaxItems, "ListAccessKeys", c.Account, userID(u))
	if err != nil {
		return nil, err
	}
	id := func(k store.AccessKey) string { return k.ID }
	slices.SortFunc(keys, func(a, b store.AccessKey) int { return strings.Compare(id(a), id(b)) })
	out := &ListAccessKeysOutput{}
	keys, out.Paged = cutPage(p, keys, id)
	for i := range keys {
		out.AccessKeyMetadata = append(out.AccessKeyMetadata, AccessKeyMetadata{
			UserName: userName(u), AccessKeyId: keys[i].ID, Status: store.KeyStatus(keys[i].Active),
			CreateDate: wire.Time{Time: keys[i].Created},
		})
	}
	return out, nil
}

// UpdateAccessKeyInput is the input of UpdateAccessKey.
type UpdateAccessKeyInput struct {
	UserName    string `api:"existingUserNameType"`
	AccessKeyId string `api:"accessKeyIdType,required"`
	Status      string `api:"statusType,required"`
}

// UpdateAccessKey makes a key active or inactive. An inactive one is an unknown one to whoever verifies a signature.
func (s *Service) UpdateAccessKey(ctx context.Context, c wire.Caller, in *UpdateAccessKeyInput) (*wire.Nothing, error) {
	if err := s.mayUser(ctx, c, "iam:UpdateAccessKey", in.UserName); err != nil {
		return nil, err
	}
	if in.Status == "Expired" {
		return nil, invalidInput("Status Expired cannot be set.")
	}
	active := in.Status == store.KeyStatus(true)
	return nil, s.changeKey(ctx, c, in.UserName, in.AccessKeyId, active, func(tx *store.Tx, k *store.AccessKey) error {
		return tx.SwitchAccessKey(k, active)
	})
}

// DeleteAccessKeyInput is the input of DeleteAccessKey.
type DeleteAccessKeyInput struct {
	UserName    string `api:"existingUserNameType"`
	AccessKeyId string `api:"accessKeyIdType,required"`
}

// DeleteAccessKey removes a key.
func (s *Service) DeleteAccessKey(ctx context.Context, c wire.Caller, in *DeleteAccessKeyInput) (*wire.Nothing, error) {
	if err := s.mayUser(ctx, c, "iam:DeleteAccessKey", in.UserName); err != nil {
		return nil, err
	}
	return nil, s.changeKey(ctx, c, in.UserName, in.AccessKeyId, false, (*store.Tx).DeleteAccessKey)
}

// changeKey changes a key of a user, or of whoever calls. It refuses what would leave an account without a root key that can
// be used: there is no other way in, not even to undo it. keeps says that the key can be used after the change.
func (s *Service) changeKey(ctx context.Context, c wire.Caller, user, id string, keeps bool, change func(*store.Tx, *store.AccessKey) error) error {
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		u, err := userOf(tx, c, user)
		if err != nil {
			return err
		}
		keys, err := tx.AccessKeys(c.Account, userID(u))
		if err != nil {
			return err
		}
		i := slices.IndexFunc(keys, func(k store.AccessKey) bool { return k.ID == id })
		if i < 0 {
			return noSuchKey(id)
		}
		other := slices.ContainsFunc(keys, func(k store.AccessKey) bool { return k.Active && k.ID != id })
		if u == nil && keys[i].Active && !keeps && !other {
			return deleteConflict("Cannot delete or deactivate the last active access key of the account's root user.")
		}
		return change(tx, &keys[i])
	})
}
