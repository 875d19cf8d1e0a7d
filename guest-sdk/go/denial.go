package guardhouse

// AuthorizationError is an explicit denial. A check returns one to tell the caller why.
//
// It is looked for with [errors.As], so a wrapped one denies too: its own Message reaches the caller,
// and what it was wrapped in does not. Every other error is a fault.
type AuthorizationError struct {
	// Message reaches the caller exactly as it stands.
	Message string
}

// Error is the message.
func (denial *AuthorizationError) Error() string {
	return denial.Message
}

// Deny is the error that denies with message.
func Deny(message string) error {
	return &AuthorizationError{Message: message}
}
