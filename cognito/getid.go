package cognito

import "context"

// GetIdInput is the input of GetId.
type GetIdInput struct {
	AccountId      string            `api:"AccountId"`
	IdentityPoolId string            `api:"IdentityPoolId,required"`
	Logins         map[string]string `api:"LoginsMap"`
}

// GetIdOutput is the output of GetId.
type GetIdOutput struct {
	IdentityId string
}

// GetId gives the identity of a person, which is made at the first sight of a login, or a new guest.
func (s *Service) GetId(ctx context.Context, in *GetIdInput) (*GetIdOutput, error) {
	v, err := s.findPool(ctx, in.IdentityPoolId, claimedLogins(in.Logins))
	if err != nil {
		return nil, err
	}
	v.getID = true
	if err := s.verify(ctx, v, in.Logins); err != nil {
		return nil, err
	}
	admitted, err := s.admit(ctx, v)
	if err != nil {
		return nil, err
	}
	return &GetIdOutput{IdentityId: admitted.ID.In(v.ref.Region)}, nil
}
