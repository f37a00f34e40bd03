//! what every door needs: who is calling, paging, error envelope
