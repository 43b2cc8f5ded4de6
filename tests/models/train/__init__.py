"""How the house-price and card-fraud models were trained; each file says where its data come from."""
