// Placeholder host until Configuration/ and Hosting/ land.
return 0;
