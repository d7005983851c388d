package iam

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"regexp"

	"idpool/store"
	"idpool/wire"
)

// StaticKey is a root key that stands in the configuration.
type StaticKey struct {
	ID      string
	Secret  string
	Account string
}

// RootKey is a new root key, the only time its secret is shown.
type RootKey struct {
	ID     string
	Secret string
	sealed store.Sealed
}

// NewRootKey draws a key for an account's root. It is good once Store has stored it.
func NewRootKey(random io.Reader, master *store.Master) (RootKey, error) {
	id, err := uniqueID(random, "AKIA", 20)
	if err != nil {
		return RootKey{}, err
	}
	b := make([]byte, 30)
	if _, err := io.ReadFull(random, b); err != nil {
		return RootKey{}, err
	}
	secret := base64.StdEncoding.EncodeToString(b)
	return RootKey{ID: id, Secret: secret, sealed: master.Seal(accessKeyContext(id), []byte(secret))}, nil
}

func accessKeyContext(id string) string { return "access key " + id }

// Store gives the key to the root of an account that is there.
func (k *RootKey) Store(tx *store.Tx, account string) error {
	return tx.CreateAccessKey(&store.AccessKey{ID: k.ID, Account: account, Active: true, Secret: k.sealed})
}

// Key finds a long-lived access key. It returns wire.ErrUnknownKey for one that does not exist or is inactive.
func (s *Service) Key(ctx context.Context, id string) (wire.Key, error) {
	for _, k := range s.Static {
		if k.ID == id {
			return wire.Key{Secret: k.Secret, Caller: Root(k.Account, id)}, nil
		}
	}
	var stored *store.AccessKey
	err := s.DB.View(ctx, func(tx *store.Tx) (err error) {
		stored, err = tx.AccessKey(id)
		return err
	})
	switch {
	case errors.Is(err, store.ErrNotFound):
		return wire.Key{}, wire.ErrUnknownKey
	case err != nil:
		return wire.Key{}, err
	case !stored.Active || stored.User != "":
		return wire.Key{}, wire.ErrUnknownKey
	}
	secret, err := s.Master.Open(accessKeyContext(id), stored.Secret)
	if err != nil {
		return wire.Key{}, err
	}
	return wire.Key{Secret: string(secret), Caller: Root(stored.Account, id)}, nil
}

// Root is the caller that an account's root key makes.
func Root(account, accessKeyID string) wire.Caller {
	return wire.Caller{
		Account: account, AccessKeyID: accessKeyID, ARN: "arn:aws:iam::" + account + ":root", UserID: account, Root: true,
	}
}

var accountForm = regexp.MustCompile(`^[0-9]{12}$`)

// ValidAccount tells whether an account id has its form: 12 digits.
func ValidAccount(id string) bool { return accountForm.MatchString(id) }

// AdminAPI is the table of idpool's own operations, which are no part of AWS: JSON 1.1, with the target IdpoolAdmin.
func (s *Service) AdminAPI() *wire.Service {
	return &wire.Service{
		Name: "idpool", Target: "IdpoolAdmin", MapError: mapError,
		Shapes:     wire.Shapes{"AccountId": {Min: 12, Max: 12, Pattern: `[0-9]+`}},
		Operations: []wire.Operation{wire.Signed("CreateAccount", s.CreateAccount)},
	}
}

// CreateAccountInput is the input of CreateAccount.
type CreateAccountInput struct {
	AccountId string `api:"AccountId,required"`
}

// CreateAccountOutput is the output of CreateAccount; it is the only place where the secret is shown.
type CreateAccountOutput struct {
	AccountId       string
	AccessKeyId     string
	SecretAccessKey string
}

// CreateAccount makes another account and its root key. Only the root of the first account may.
func (s *Service) CreateAccount(ctx context.Context, c wire.Caller, in *CreateAccountInput) (*CreateAccountOutput, error) {
	if !c.Root || c.Account != s.FirstAccount {
		return nil, &Denied{Caller: c.ARN, Action: "idpool:CreateAccount", Resource: "arn:aws:iam::" + in.AccountId + ":root"}
	}
	key, err := NewRootKey(s.Rand, s.Master)
	if err != nil {
		return nil, err
	}
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		if err := tx.CreateAccount(in.AccountId); err != nil {
			return err
		}
		return key.Store(tx, in.AccountId)
	})
	if errors.Is(err, store.ErrExists) {
		return nil, alreadyExists("Account " + in.AccountId + " already exists.")
	}
	if err != nil {
		return nil, err
	}
	return &CreateAccountOutput{AccountId: in.AccountId, AccessKeyId: key.ID, SecretAccessKey: key.Secret}, nil
}
