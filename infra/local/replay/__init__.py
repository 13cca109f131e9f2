"""A real grocer's year through the running service, with every balance proved twice. Development only."""
