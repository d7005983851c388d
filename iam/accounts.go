package iam

import (
	"context"
	"errors"
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
		Name: "idpool", Target: "IdpoolAdmin", MapError: mapError, Admit: notOfUser,
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
		return nil, &Denied{
			Caller: c.ARN, Action: "idpool:CreateAccount", Resource: "arn:aws:iam::" + in.AccountId + ":root",
			Reason: "because only the root of the first account may", Why: "no policy can allow it",
		}
	}
	key, err := DrawKey(s.Rand, s.Master)
	if err != nil {
		return nil, err
	}
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		if err := tx.CreateAccount(in.AccountId); err != nil {
			return err
		}
		return key.StoreForRoot(tx, in.AccountId)
	})
	if errors.Is(err, store.ErrExists) {
		return nil, alreadyExists("Account " + in.AccountId + " already exists.")
	}
	if err != nil {
		return nil, err
	}
	return &CreateAccountOutput{AccountId: in.AccountId, AccessKeyId: key.ID, SecretAccessKey: key.Secret}, nil
}
