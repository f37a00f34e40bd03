"""What the steps agree on: the names of the columns, and the type in which the model sees them."""

# Feature -> what it is (RAND Health Insurance Experiment, one row a person and year).
FEATURES = {
    "lncoins": "ln(coinsurance rate + 1), rate in percent",
    "idp": "1 if the plan has an individual deductible",
    "lpi": "ln(annual participation incentive payment)",
    "fmde": "ln(maximum deductible expenditure / coinsurance), 0 with an individual deductible",
    "physlm": "share of physical limitation",
    "disea": "number of chronic diseases, index",
    "hlthg": "1 if self-rated health is good",
    "hlthf": "1 if self-rated health is fair",
    "hlthp": "1 if self-rated health is poor",
}
LABEL = "any_visit"
